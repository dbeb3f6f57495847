import type { Wire } from './wire.js';
import type { Installation } from './installation.js';

export const CHECKS = ['connects', 'lists', 'calls', 'progress', 'survives 90 s', 'cancels'] as const;
export type Check = (typeof CHECKS)[number];

export type ToolCall = { readonly tool: string; readonly args: Record<string, unknown>; readonly signal?: AbortSignal };

/** A client as a check uses it. Each method runs it anew where it is a program. */
export type Client = {
  /** Names of the tools that it found, as it calls them itself. */
  tools(): Promise<string>;
  /** All that the client got to see of the answer. Rejects when it says that the call failed. */
  call(call: ToolCall): Promise<string>;
  close(): Promise<void>;
};

export type Place = {
  /** Its way to the edge, such as `http://127.0.0.1:1234`. */
  readonly wire: Wire;
  /** A directory of its own: home and working directory. */
  readonly home: string;
};

/** The client does not do what a check is about, as was seen on the wire. */
export class NotOffered extends Error {}

export type Subject = {
  readonly name: string;
  /** `installed`: for those that are not among this repository's packages. */
  open(place: Place, installed: () => Installation): Promise<Client>;
};
