import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { fakeProviderConfig } from './fake-provider.fixture.js';

const eventSchema = z.looseObject({
  type: z.string(),
  item: z
    .looseObject({
      type: z.string(),
      text: z.string().optional(),
      exit_code: z.number().nullish(),
      aggregated_output: z.string().optional(),
    })
    .optional(),
  error: z.looseObject({ message: z.string() }).optional(),
});

export type ExecEvent = z.infer<typeof eventSchema>;

export interface ExecOptions {
  readonly directory: string;
  readonly baseUrl: string;
  readonly model: string;
  readonly prompt: string;
  readonly outputSchema?: unknown;
  /** Continues the last session of this directory. */
  readonly resume?: boolean;
}

export interface ExecResult {
  readonly events: readonly ExecEvent[];
  /** The last message of the agent. */
  readonly answer: string | undefined;
  readonly workspace: string;
  readonly exitCode: number | null;
}

/** Runs one prompt with the real `codex exec --json` against a provider at `baseUrl`. */
export async function codexExec(options: ExecOptions): Promise<ExecResult> {
  const home = join(options.directory, 'home');
  const workspace = join(options.directory, 'workspace');
  await Promise.all([mkdir(home, { recursive: true }), mkdir(workspace, { recursive: true })]);
  await writeFile(join(home, 'config.toml'), fakeProviderConfig(options.baseUrl));
  const child = spawn(codexBinary(), await argumentsFor(options, workspace), {
    cwd: workspace,
    env: { PATH: process.env['PATH'], HOME: home, CODEX_HOME: home },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [output, [exitCode]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  const events = output.split('\n').filter(Boolean).map((line) => eventSchema.parse(JSON.parse(line)));
  const answer = events.findLast((event) => event.item?.type === 'agent_message')?.item?.text;
  return { events, answer, workspace, exitCode: z.number().nullable().parse(exitCode) };
}

async function argumentsFor(options: ExecOptions, workspace: string): Promise<string[]> {
  const flags = ['--json', '--skip-git-repo-check', '-m', options.model, '-c', 'sandbox_mode="danger-full-access"'];
  if (options.outputSchema !== undefined) {
    const schemaFile = join(workspace, '..', 'schema.json');
    await writeFile(schemaFile, JSON.stringify(options.outputSchema));
    flags.push('--output-schema', schemaFile);
  }
  return options.resume ? ['exec', 'resume', '--last', ...flags, options.prompt] : ['exec', ...flags, options.prompt];
}

function codexBinary(): string {
  const require = createRequire(import.meta.url);
  const wrapper = createRequire(require.resolve('@openai/codex/package.json'));
  const platform = wrapper.resolve(`@openai/codex-${process.platform}-${process.arch}/package.json`);
  const triples: Record<string, string> = {
    'linux-x64': 'x86_64-unknown-linux-musl',
    'linux-arm64': 'aarch64-unknown-linux-musl',
    'darwin-x64': 'x86_64-apple-darwin',
    'darwin-arm64': 'aarch64-apple-darwin',
  };
  return join(dirname(platform), 'vendor', triples[`${process.platform}-${process.arch}`] ?? '', 'bin', 'codex');
}
