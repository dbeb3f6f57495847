import type { Step } from '@codex-mcp/testing';
import { directive, type Output } from '../../stack/calls.js';
import type { Transcript } from './transcript.js';

/** One call as its client repeats it: the same words and the same key each time. */
export type Call = { readonly agentId: string; readonly mark: string; readonly message: string };

/** A connection of a client to one edge. All of it rejects with {@link LineBroken} when that edge is gone. */
export interface Line {
  /** Resolves with the turn's id as soon as the call is durable. */
  start(call: Call): Promise<string>;
  /** Adds to the transcript what came after its cursor, up to the turn's end. */
  readOn(turnId: string): Promise<void>;
  /** The same call as one that waits; resolves with its result. */
  wait(call: Call): Promise<Output>;
  close(): Promise<void>;
}

/** A way to talk to edges; a transcript outlives the lines that it is read over. */
export type Dialect = { readonly name: string; newTranscript(): Transcript; dial(url: string, transcript: () => Transcript): Promise<Line> };

/** The edge is gone, or says that it is about to be: another one may be asked. */
export class LineBroken extends Error {
  override readonly name = 'LineBroken';
}

export function newCall(agentId: string, count: number, steps: Step[]): Call {
  const mark = `[mark ${agentId} ${count}]`;
  return { agentId, mark, message: `${mark} ${directive(...steps)}` };
}
