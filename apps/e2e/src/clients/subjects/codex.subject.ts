import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { locateCodex } from '@codex-mcp/codex';
import { type FakeModel, fakeProviderConfig, startFakeModel } from '@codex-mcp/testing';
import { outputOf } from '../program.js';
import type { Subject, ToolCall } from '../subject.js';

const MODEL = 'gpt-6.1-sol';

/** The pinned Codex as a client: its model, a fake of its own, calls the tool that a check names. */
export const codex: Subject = {
  name: 'Codex http',
  async open({ wire, home }) {
    const fake = await startFakeModel();
    const codexHome = join(home, '.codex');
    await mkdir(codexHome);
    await writeFile(join(codexHome, 'config.toml'), configuration(fake, `${wire.url}/mcp`));
    const ask = (script: string, signal?: AbortSignal) => {
      fake.reset();
      fake.rule({ steps: [{ calls: [{ custom: 'exec', input: `// @exec: {"yield_time_ms": 200000}\n${script}` }] }] });
      const args = ['exec', '--json', '--skip-git-repo-check', '-m', MODEL, '-c', 'sandbox_mode="danger-full-access"', 'Go on.'];
      return outputOf({ command: locateCodex().codex, args, env: { CODEX_HOME: codexHome }, home }, signal);
    };
    return {
      tools: () => ask('text(ALL_TOOLS.map(({ name }) => name).filter((name) => name.startsWith("mcp__codex_mcp__")).join(" "));'),
      call: ({ tool, args, signal }: ToolCall) => ask(`text(JSON.stringify(await tools.mcp__codex_mcp__${tool}(${JSON.stringify(args)})));`, signal),
      close: () => fake.close(),
    };
  },
};

const configuration = ({ baseUrl }: FakeModel, url: string): string => `${fakeProviderConfig(baseUrl)}[mcp_servers.codex-mcp]
url = "${url}"
required = true
startup_timeout_sec = 120
tool_timeout_sec = 600
`;
