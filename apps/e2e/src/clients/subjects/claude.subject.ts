import { outputOf } from '../program.js';
import type { Subject, ToolCall } from '../subject.js';
import { FakeClaudeModel } from './fake-claude-model.js';

const SERVER = 'codex-mcp';

const ENVIRONMENT = {
  ANTHROPIC_API_KEY: 'sk-ant-fake',
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
  DISABLE_AUTOUPDATER: '1',
  // Otherwise it goes on without the servers that have not answered within some seconds.
  MCP_CONNECTION_NONBLOCKING: 'false',
  MCP_CONNECT_TIMEOUT_MS: '60000',
};

const GO_ON = `${JSON.stringify({ type: 'user', message: { role: 'user', content: 'Go on.' } })}\n`;
/** What Escape does on a terminal. */
const ESCAPE = `${JSON.stringify({ type: 'control_request', request_id: '1', request: { subtype: 'interrupt' } })}\n`;

/** Claude Code without an account: configured as documented, with a model of ours that calls the tool that a check names. */
const claude = (transport: 'sse' | 'http'): Subject => ({
  name: `Claude Code ${transport}`,
  async open({ wire, home }, installed) {
    const model = await new FakeClaudeModel().start();
    const env = { ...ENVIRONMENT, ANTHROPIC_BASE_URL: model.url };
    const program = (args: string[], input = '') => ({ command: installed().claude, args, env, home, input });
    await outputOf(program(['mcp', 'add', '--transport', transport, SERVER, `${wire.url}/${transport === 'sse' ? 'sse' : 'mcp'}`, '--scope', 'user']));
    const headless = ['--output-format', 'stream-json', '--verbose', '--allowedTools', `mcp__${SERVER}`, '-p'];
    return {
      async tools() {
        const listed = await outputOf(program(['mcp', 'list']));
        if (!listed.includes('✔ Connected')) throw new Error(`claude mcp list says ${listed}`);
        model.next = undefined;
        return outputOf(program([...headless, 'Hello.']));
      },
      async call({ tool, args, signal }: ToolCall) {
        model.next = { name: `mcp__${SERVER}__${tool}`, input: args };
        return outputOf({ ...program([...headless, '--input-format', 'stream-json'], GO_ON), farewell: ESCAPE }, signal);
      },
      close: () => model.close(),
    };
  },
});

export const claudeSse = claude('sse');
export const claudeHttp = claude('http');
