import { outputOf } from '../program.js';
import type { Subject } from '../subject.js';

/** The Inspector's command line; listing is `--strict`, which fails where a schema is not portable. */
const inspector = (name: string, path: string, era: string): Subject => ({
  name,
  async open({ wire, home }, installed) {
    const { node } = installed();
    const launcher = installed().file('@modelcontextprotocol/inspector', 'clients/launcher/build/index.js');
    const program = (...args: string[]) => ({ command: node, args: [launcher, '--cli', `${wire.url}${path}`, '--protocol-era', era, ...args], home });
    return {
      tools: () => outputOf(program('--method', 'tools/list', '--strict')),
      call: ({ tool, args, signal }) => outputOf(program('--method', 'tools/call', '--tool-name', tool, '--tool-args-json', JSON.stringify(args)), signal),
      close: async () => undefined,
    };
  },
});

export const inspectorHttp = inspector('Inspector http', '/mcp', 'legacy');
export const inspectorModern = inspector('Inspector 2026-07-28', '/mcp', 'modern');
export const inspectorSse = inspector('Inspector sse', '/sse', 'legacy');
