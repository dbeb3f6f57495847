import { setTimeout as delay } from 'node:timers/promises';
import type { Step } from '@codex-mcp/testing';
import type { Output } from '../../stack/calls.js';
import type { Submitted } from '../load/turn-load.js';
import type { Random } from '../../scorecard/random.js';
import type { ServiceSystem } from '../../scorecard/system/service-system.js';
import { type Call, type Dialect, type Line, LineBroken, newCall } from './line.js';
import type { Transcript } from './transcript.js';

const RETRY_PAUSE_MS = 100;
const GIVE_UP_MS = 60_000;
/** Calls that are made once more before anything else, and those that are waited for before their events are read. */
const [REPEAT_SHARE, WAIT_SHARE] = [0.3, 0.3];

/** A client that goes to another edge when its own is gone, repeats its call with its key, and reads on after its cursor. */
export class RoamingClient {
  readonly answered: Submitted[] = [];
  /** What it should not have been told, or was not told. */
  readonly complaints: string[] = [];
  /** For each line that broke: milliseconds until there was another. */
  readonly reconnectsMs: number[] = [];
  /** Calls that were repeated before they were answered, or after. */
  repeats = 0;
  private line: { readonly port: number; readonly to: Line } | undefined;
  private transcript: Transcript;
  private onCall: (port: number) => void = () => undefined;
  private count = 0;

  constructor(
    private readonly system: ServiceSystem,
    private readonly random: Random,
    readonly dialect: Dialect,
    private readonly agentId: string,
  ) {
    this.transcript = dialect.newTranscript();
  }

  /** The port of the edge that it is connected to. */
  get edge(): number | undefined {
    return this.line?.port;
  }

  /** The edge that it makes its next call at, in the moment in which it does. */
  nextCall(): Promise<number> {
    return new Promise((resolve) => (this.onCall = resolve));
  }

  /** One call and its whole transcript; what is wrong with them is kept as a complaint. */
  async call(steps: Step[]): Promise<void> {
    const call = newCall(this.agentId, ++this.count, steps);
    try {
      await this.follow(call);
    } catch (error) {
      this.complaints.push(`${this.dialect.name} ${call.mark}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  async close(): Promise<void> {
    const { line } = this;
    this.line = undefined;
    await line?.to.close().catch(() => undefined); // its edge may be gone
  }

  private async follow(call: Call): Promise<void> {
    this.transcript = this.dialect.newTranscript();
    const start = () =>
      this.anywhere((line, port) => {
        this.onCall(port);
        return line.start(call);
      });
    const turnId = await start();
    this.answered.push({ turnId, agentId: call.agentId, mark: call.mark });
    const again = this.random.next() < REPEAT_SHARE ? await this.repeat(start) : turnId;
    const read = () => this.anywhere((line) => line.readOn(turnId));
    const waitsFirst = this.random.next() < WAIT_SHARE;
    if (!waitsFirst) await read();
    const result = await this.repeat(() => this.anywhere((line) => line.wait(call)));
    if (waitsFirst) await read();
    const problem = await this.problemOf(turnId, again, result);
    if (problem !== undefined) throw new Error(`${turnId}: ${problem}`);
  }

  private repeat<T>(work: () => Promise<T>): Promise<T> {
    this.repeats += 1;
    return work();
  }

  private async problemOf(turnId: string, again: string, result: Output): Promise<string | undefined> {
    if (again !== turnId) return `the repeated call is ${again}`;
    const terminal = (await this.system.turns.load(turnId))?.terminal?.event;
    const isSame = terminal?.type === 'completed' && JSON.stringify(result) === JSON.stringify(terminal.output);
    if (!isSame) return `the call made once more was answered with ${JSON.stringify(result)}`;
    return this.transcript.differenceFrom(await this.system.logs.read(turnId));
  }

  /** Work at whichever edge can be reached, done anew at another one when that is gone. */
  private async anywhere<T>(work: (line: Line, port: number) => Promise<T>): Promise<T> {
    let brokenAt: number | undefined;
    let reason = '';
    for (const deadline = Date.now() + GIVE_UP_MS; Date.now() < deadline; ) {
      try {
        const { to, port } = (this.line ??= await this.dial());
        if (brokenAt !== undefined) this.reconnectsMs.push(Date.now() - brokenAt);
        brokenAt = undefined;
        return await work(to, port);
      } catch (error) {
        if (!(error instanceof LineBroken)) throw error;
        brokenAt ??= Date.now();
        reason = error.message;
        await this.close();
        await delay(RETRY_PAUSE_MS);
      }
    }
    throw new Error(`no edge could be worked with for ${GIVE_UP_MS} ms, lastly because ${reason}`);
  }

  private async dial(): Promise<{ port: number; to: Line }> {
    const port = this.random.pick(this.system.edgePorts);
    return { port, to: await this.dialect.dial(`http://127.0.0.1:${port}`, () => this.transcript) };
  }
}
