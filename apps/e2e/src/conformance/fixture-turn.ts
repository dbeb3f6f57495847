import type { JsonObject } from '@codex-mcp/tools';
import { z } from 'zod';

export type Questions = Record<string, { method: string; params?: JsonObject }>;

/** How a fixture ends: with a result, with something to ask the client, or as an error of the protocol. */
export type FixtureEnd = { result: JsonObject } | { ask: Questions; state?: JsonObject } | { protocolError: { code: number; message: string } };

/** One call of a fixture, as its worker sees it. */
export type FixtureTurn = {
  readonly args: JsonObject;
  /** What the client has answered so far, not looked at. */
  readonly answers: JsonObject;
  /** What the fixture left with the client when it asked. */
  readonly state: JsonObject | undefined;
  readonly capabilities: JsonObject;
  readonly cancelled: Promise<void>;
  /** Has the edge say something on the call's stream. */
  readonly say: (saying: JsonObject) => Promise<void>;
  /** Asks while the turn goes on, where it is a task; elsewhere nobody answers. */
  readonly ask: (questions: Questions) => Promise<JsonObject>;
};

export type Fixture = (turn: FixtureTurn) => Promise<FixtureEnd> | FixtureEnd;

export const text = (words: string, isError = false): FixtureEnd => ({ result: { content: [{ type: 'text', text: words }], ...(isError && { isError }) } });

/** An argument that the tool's schema has as a string. */
export const word = ({ args }: FixtureTurn, name: string): string => z.string().catch('').parse(args[name]);

/** An elicitation by a form. */
export const form = (message: string, properties: JsonObject, required: string[] = Object.keys(properties)): Questions[string] => ({
  method: 'elicitation/create',
  params: { mode: 'form', message, requestedSchema: { type: 'object', properties, ...(required.length > 0 && { required }) } },
});
