import { isTerminal, isTerminalEvent, type TerminalEvent, type TurnRecord } from '@codex-mcp/contracts';
import type { LogEntry } from '@codex-mcp/messaging';
import type { ModelResponseRequest } from '@codex-mcp/testing';
import type { ServiceSystem } from '../../scorecard/system/service-system.js';
import type { Submitted } from './turn-load.js';

export type Verdict = {
  readonly turns: number;
  /** Accepted, but without a record. */
  readonly lost: readonly string[];
  readonly stuck: readonly string[];
  /** Run more than once by Codex, or with more than one terminal record. */
  readonly duplicated: readonly string[];
  /** Logs whose numbers do not count up, or that do not end with the one terminal record. */
  readonly disordered: readonly string[];
  /** Ended otherwise than completed, by what they ended as. */
  readonly otherwise: ReadonlyMap<string, readonly string[]>;
  /** Turns for which the model was asked the same thing twice, if only because Codex tried again. */
  readonly askedAgain: readonly string[];
};

/** Looks at every accepted turn when all is over: its record, its log, and what the model was asked for it. */
export async function judge(system: ServiceSystem, turns: readonly Submitted[]): Promise<Verdict> {
  const { again, runs } = modelCalls(system.fake.responsesRequests());
  const found = { lost: [] as string[], stuck: [] as string[], duplicated: [] as string[], disordered: [] as string[], askedAgain: [] as string[] };
  const otherwise = new Map<string, string[]>();
  for (const { turnId, mark } of turns) {
    const record = await system.turns.load(turnId);
    const log = await system.logs.read(turnId);
    if (!record) found.lost.push(turnId);
    else if (!isTerminal(record.status)) found.stuck.push(turnId);
    const terminals = log.filter(({ event }) => isTerminalEvent(event)).length;
    if (again.has(mark)) found.askedAgain.push(turnId);
    if ((runs.get(mark)?.size ?? 0) > 1 || terminals > 1) found.duplicated.push(turnId);
    if (record && isTerminal(record.status) && !isOrdered(log, terminals)) found.disordered.push(turnId);
    const ending = record && endingOf(record);
    if (ending !== undefined && ending !== 'completed') otherwise.set(ending, [...(otherwise.get(ending) ?? []), turnId]);
  }
  return { turns: turns.length, ...found, otherwise };
}

/** One verdict on turns that were judged apart. */
export function together(verdicts: readonly Verdict[]): Verdict {
  const all = (pick: (verdict: Verdict) => readonly string[]) => verdicts.flatMap(pick);
  const otherwise = new Map<string, readonly string[]>();
  for (const verdict of verdicts) for (const [code, turns] of verdict.otherwise) otherwise.set(code, [...(otherwise.get(code) ?? []), ...turns]);
  return {
    turns: verdicts.reduce((sum, { turns }) => sum + turns, 0),
    lost: all(({ lost }) => lost),
    stuck: all(({ stuck }) => stuck),
    duplicated: all(({ duplicated }) => duplicated),
    disordered: all(({ disordered }) => disordered),
    askedAgain: all(({ askedAgain }) => askedAgain),
    otherwise,
  };
}

/** Of a terminal record: `completed`, or the code of its error. */
export function endingOf({ terminal }: TurnRecord): string | undefined {
  if (!terminal || !isTerminalEvent(terminal.event)) return undefined;
  const event: TerminalEvent = terminal.event;
  return event.type === 'completed' ? 'completed' : event.error.code;
}

/** One line for each kind of ending but completion: how many turns, and what the first of them was told. */
export async function otherEndings(system: ServiceSystem, { otherwise }: Verdict): Promise<string[]> {
  return Promise.all(
    [...otherwise].map(async ([code, turns]) => {
      const event = (await system.turns.load(turns[0] ?? ''))?.terminal?.event;
      return `${turns.length} ended as ${code} (${turns[0]}: ${event && 'error' in event ? event.error.message : ''})`;
    }),
  );
}

function isOrdered(log: readonly LogEntry[], terminals: number): boolean {
  const last = log.at(-1);
  return terminals === 1 && last !== undefined && isTerminalEvent(last.event) && log.every(({ seq }, index) => index === 0 || seq > (log[index - 1]?.seq ?? 0));
}

/** By the marks of turns: those for which one round of the conversation was asked for again, and Codex's own ids of its runs. */
function modelCalls(requests: readonly ModelResponseRequest[]): { again: ReadonlySet<string>; runs: ReadonlyMap<string, ReadonlySet<string>> } {
  const seen = new Set<string>();
  const again = new Set<string>();
  const runs = new Map<string, Set<string>>();
  for (const { model } of requests) {
    const [mark] = /\[mark [^\]]+\]/.exec(model.userText) ?? [];
    if (mark === undefined) continue;
    const round = `${mark} ${model.toolRounds}`;
    if (seen.has(round)) again.add(mark);
    seen.add(round);
    runs.set(mark, (runs.get(mark) ?? new Set()).add(model.turnId ?? ''));
  }
  return { again, runs };
}
