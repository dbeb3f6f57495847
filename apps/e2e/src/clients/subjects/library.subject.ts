import { fileURLToPath } from 'node:url';
import { outputOf } from '../program.js';
import type { Subject } from '../subject.js';

const driver = fileURLToPath(new URL('../drivers/library.main.js', import.meta.url));

/** A library that is run in a program of ours. */
const library = (name: string, packageName: string): Subject => ({
  name,
  async open({ wire, home }, installed) {
    const { node, manifest } = installed();
    const program = (input?: string) => ({ command: node, args: [driver, manifest, packageName, `${wire.url}/mcp`], home, ...(input !== undefined && { input }) });
    return {
      tools: () => outputOf(program()),
      call: ({ tool, args, signal }) => outputOf(program(JSON.stringify({ tool, args })), signal),
      close: async () => undefined,
    };
  },
});

export const openAiAgents = library('OpenAI Agents SDK', '@openai/agents');
export const aiSdk = library('AI SDK MCP', '@ai-sdk/mcp');
