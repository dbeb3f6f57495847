import type { AgentRecord } from '@codex-mcp/contracts';
import type { Remains } from '../runtime/agent-runtime.port.js';

/** What is known of one agent in all places. */
export type Findings = {
  record?: AgentRecord;
  remains?: Remains;
  /** The key of its directory below RUN_DIR: sockets and a rendered configuration, nothing of a user's. */
  runDirectory?: string;
};

export type Verdict =
  | 'agreed'
  /** The registry has to say what is here. */
  | 'enter'
  /** It has ended by itself. */
  | 'stopped'
  /** It has containers or processes that nobody can reach. */
  | 'doubled'
  /** It lives on another host; what runs here would be a second one. */
  | 'elsewhere'
  /** Only its directory of sockets is left. */
  | 'leftover'
  /** For people to look at: nothing says whose the files are. */
  | 'unclaimed'
  /** For people to look at: the agent lives on another host and has files here. */
  | 'foreign'
  /** For people to look at: the registry knows an agent of which nothing is here. */
  | 'lost';

/**
 * What to do about an agent. No verdict deletes files: that is only ever done for a removal that was asked for.
 * `alive`: the supervisors that have given a sign of life.
 */
export function verdictOn({ record, remains, runDirectory }: Findings, supervisorId: string, alive: ReadonlySet<string>): Verdict {
  if (remains && remains.doubles.length > 0) return 'doubled';
  const isHere = remains !== undefined && (remains.known !== undefined || remains.hasFiles);
  if (!record) {
    if (isHere) return remains.spec ? 'enter' : 'unclaimed';
    return runDirectory === undefined ? 'agreed' : 'leftover';
  }
  if (record.supervisorId !== supervisorId) {
    if (!isHere) return runDirectory === undefined ? 'agreed' : 'leftover';
    return ofAnother(record, remains, alive.has(record.supervisorId));
  }
  if (remains?.known) return isTrue(record, remains.known) ? 'agreed' : 'enter';
  if (record.status === 'running') return 'stopped';
  return isHere ? 'agreed' : 'lost';
}

/** The very container that the registry names is this engine's, whoever the supervisor was; another one is a second. */
function ofAnother(record: AgentRecord, { known }: Remains, isAlive: boolean): Verdict {
  if (known?.runtimeId === record.runtimeId) return isAlive ? 'agreed' : 'enter';
  return isAlive && known?.running ? 'elsewhere' : 'foreign';
}

const isTrue = (record: AgentRecord, { runtimeId, running }: NonNullable<Remains['known']>): boolean =>
  record.runtimeId === runtimeId && record.status === (running ? 'running' : 'stopped');
