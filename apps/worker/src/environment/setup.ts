import { createHash } from 'node:crypto';
import { REPOSITORY_SETTINGS_FILE, type RepositorySettings } from '@codex-mcp/contracts';
import { z } from 'zod';
import type { AgentSession } from '../agents/agent-session.js';
import { type CommandOptions, runAgentCommand } from './agent-command.js';

const SHOWN_CHARACTERS = 200;
/** A setup that was cut short this often, perhaps as it ends its own agent, is not tried again. */
const MAX_ATTEMPTS = 3;
const AGAIN = `Setup runs again when ${REPOSITORY_SETTINGS_FILE} or one of its lock files changes.`;

/** Lock files as arguments → what was last set up, newline, a line for each file. A link may lead anywhere, so it counts as no file. */
const LOOK = `cat "$GIT_DIR/setup" 2>/dev/null || true
echo
for file do
  if [ -f "$file" ] && [ ! -L "$file" ]; then env -u GIT_DIR -u GIT_WORK_TREE git hash-object --no-filters -- "$file"; else echo none; fi
done`;

const REMEMBER = 'mkdir -p "$GIT_DIR" && printf %s "$1" > "$GIT_DIR/setup"';

/** What the agent's own file says; the agent can write it, and then only sets itself up once more or less. */
const Mark = z.object({ fingerprint: z.string(), attempts: z.int().optional(), problem: z.string().max(1000).optional() });

export type Setup = {
  /** Whether it was run just now. */
  ran: boolean;
  /** How it failed, now or when it was last run. */
  problem?: string | undefined;
};

export type Wanted = { settings: RepositorySettings; text: string };

/**
 * Runs the repository's setup commands in the agent, unless that has been done for this very file, image and lock files. One
 * that fails ends it, and is not tried again before something has changed. Undefined where there are none.
 */
export async function settleSetup(session: AgentSession, wanted: Wanted, options: CommandOptions & { turnId: string }): Promise<Setup | undefined> {
  if (wanted.settings.setup.length === 0) return undefined;
  const { mark, fingerprint } = await look(session, wanted);
  const attempts = mark?.fingerprint === fingerprint ? mark.attempts : 0;
  if (mark && attempts === undefined) return { ran: false, problem: mark.problem };
  const remember = (now: z.infer<typeof Mark>) => session.workspace.repository.shell(REMEMBER, [JSON.stringify(now)]);
  await remember({ fingerprint, attempts: (attempts ?? 0) + 1 });
  const problem = (attempts ?? 0) < MAX_ATTEMPTS ? await run(session, wanted.settings, options) : `Setup was cut short ${MAX_ATTEMPTS} times. ${AGAIN}`;
  // The commands themselves may have changed lock files.
  await remember({ fingerprint: (await look(session, wanted)).fingerprint, problem });
  return { ran: true, problem };
}

/** What became of it before, where it was run for what is there now. */
export async function settledSetup(session: AgentSession, wanted: Wanted): Promise<Setup | undefined> {
  if (wanted.settings.setup.length === 0) return undefined;
  const { mark, fingerprint } = await look(session, wanted);
  return mark?.fingerprint === fingerprint && mark.attempts === undefined ? { ran: false, problem: mark.problem } : undefined;
}

async function look(session: AgentSession, { settings, text }: Wanted): Promise<{ mark: z.infer<typeof Mark> | undefined; fingerprint: string }> {
  const files = settings.lock_files.map((path) => `./${path}`);
  const [first = '', ...hashes] = (await session.workspace.repository.shell(LOOK, files, { sandboxPolicy: session.sandboxPolicy('read') })).split('\n');
  const fingerprint = createHash('sha256').update(JSON.stringify([text, session.placement.image?.name, hashes])).digest('hex');
  return { mark: Mark.safeParse(parseJson(first)).data, fingerprint };
}

/** Returns how it failed. */
async function run(session: AgentSession, { setup, setup_timeout_s: seconds }: RepositorySettings, options: CommandOptions & { turnId: string }): Promise<string | undefined> {
  const endsAt = performance.now() + seconds * 1000;
  for (const [at, command] of setup.entries()) {
    const timeoutMs = Math.max(1, Math.round(endsAt - performance.now()));
    const { exitCode, isLate } = await runAgentCommand(session, { id: `setup-${options.turnId}-${at + 1}`, command, timeoutMs, doing: 'Setting up' }, options);
    const shown = JSON.stringify(command.length > SHOWN_CHARACTERS ? `${command.slice(0, SHOWN_CHARACTERS)}…` : command);
    if (isLate) return `Setup took longer than ${seconds} s and was stopped in ${shown}. ${AGAIN}`;
    if (exitCode !== 0) return `Setup failed: ${shown} ended with exit code ${exitCode}. ${AGAIN}`;
  }
  return undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
