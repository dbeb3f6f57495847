import Docker from 'dockerode';

/** How often a request gets its time, where the engine answers others meanwhile: deleting a large volume takes minutes. */
const MAX_PERIODS = 10;
/** Answered when a container has ended, whenever that is. */
const WAITS = /^\/containers\/[^/]+\/wait\b/;
const PING = /^\/_ping\b/;

type Request = { path: string; method: string; abortSignal?: AbortSignal };
type Done = (error: Error | null, result: unknown) => void;
/** As much of dockerode's connection as is bounded here. */
type Connection = { dial(request: Request, done: Done): void };

/** The engine took a request and did not answer it. */
export class SilentEngineError extends Error {
  override readonly name = 'SilentEngineError';

  constructor({ method, path }: Request, waitedMs: number) {
    super(`no answer to ${method} ${path.split('?')[0]} within ${waitedMs / 1000} s`);
  }
}

/**
 * A client of the engine none of whose requests hangs: each is answered within `timeoutMs`, or, as long as the engine answers
 * a ping, within ten times that (it tells nothing of a container that it is about to start or remove), the end of a container
 * at any time. Rejects with `SilentEngineError` otherwise. What is streamed after the beginning of an answer is its reader's to bound.
 */
export function boundedEngine(timeoutMs: number, options?: Docker.DockerOptions): Docker {
  const docker = new Docker(options);
  const modem = docker.modem as Connection;
  const dial = modem.dial.bind(modem);
  const isWell = () => docker.ping().then(() => true, () => false);
  modem.dial = (request, done) => {
    const late = new AbortController();
    let isOver = false;
    const maxPeriods = periodsOf(request);
    let periods = 0;
    let timer: NodeJS.Timeout;
    const end: Done = (error, result) => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      done(error, result);
    };
    const check = async () => {
      periods += 1;
      const goesOn = periods < maxPeriods && (await isWell());
      if (isOver) return; // answered while the engine was asked; what it streams now is not to be cut off
      if (goesOn) return allow();
      const silence = new SilentEngineError(request, periods * timeoutMs);
      end(silence, null);
      late.abort(silence); // after the headers of an answer, this reaches no callback
    };
    const allow = () => void (timer = setTimeout(() => void check(), timeoutMs));
    allow();
    dial({ ...request, abortSignal: late.signal }, end);
  };
  return docker;
}

function periodsOf({ path }: Request): number {
  if (WAITS.test(path)) return Infinity;
  return PING.test(path) ? 1 : MAX_PERIODS;
}
