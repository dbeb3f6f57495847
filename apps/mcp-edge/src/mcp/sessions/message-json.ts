import type { JSONRPCMessage } from '@modelcontextprotocol/server';
import { sharedBytes } from '../../http/shared-bytes.js';
import type { Pieces } from '../../http/whole-answer.js';

type Text = { readonly json: string; readonly bytes: Buffer };

/** Texts of lists that never change: that of all tools is 160 kB, and making it the most that a client which lists them costs. */
const texts = new WeakMap<object, Text>();

/** A message as JSON. A frozen list of tools is turned into text once. */
export function jsonOf(message: JSONRPCMessage): string {
  const parts = partsOf(message);
  return parts ? `${parts.head}${parts.list.json}${parts.tail}` : JSON.stringify(message);
}

/** The same as pieces to be written one after the other; the large one is never copied. */
export function piecesOf(message: JSONRPCMessage): Pieces {
  const parts = partsOf(message);
  return parts ? [parts.head, parts.list.bytes, parts.tail] : [JSON.stringify(message)];
}

function partsOf(message: JSONRPCMessage): { head: string; list: Text; tail: string } | undefined {
  if (!('result' in message)) return undefined;
  const { tools, ...rest } = message.result;
  if (!Array.isArray(tools) || !Object.isFrozen(tools)) return undefined;
  const members = JSON.stringify(rest).slice(1, -1);
  return { head: `{"jsonrpc":"2.0","id":${JSON.stringify(message.id)},"result":{"tools":`, list: textOf(tools), tail: `${members && `,${members}`}}}` };
}

function textOf(list: object): Text {
  let text = texts.get(list);
  if (!text) {
    const json = JSON.stringify(list);
    text = { json, bytes: sharedBytes(json) };
    texts.set(list, text);
  }
  return text;
}
