import { outputOf } from '../program.js';
import type { Subject } from '../subject.js';

export const mcporter: Subject = {
  name: 'mcporter',
  async open({ wire, home }, installed) {
    const { node } = installed();
    const program = (command: string, ...args: string[]) => ({
      command: node,
      args: [installed().file('mcporter', 'dist/cli.js'), command, '--http-url', `${wire.url}/mcp`, '--allow-http', '--name', 'codex-mcp', ...args],
      home,
    });
    return {
      tools: () => outputOf(program('list', '--json')),
      call: ({ tool, args, signal }) => outputOf(program('call', '--tool', tool, '--args', JSON.stringify(args), '--output', 'raw'), signal),
      close: async () => undefined,
    };
  },
};
