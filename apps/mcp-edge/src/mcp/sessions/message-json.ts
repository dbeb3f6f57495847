import type { JSONRPCMessage } from '@modelcontextprotocol/server';

/** Texts of lists that never change: that of all tools is 160 kB, and turning it into text the most that a client which lists them costs. */
const texts = new WeakMap<object, string>();

/** A message as JSON. A frozen list of tools is turned into text once. */
export function jsonOf(message: JSONRPCMessage): string {
  if (!('result' in message)) return JSON.stringify(message);
  const { tools, ...rest } = message.result;
  if (!Array.isArray(tools) || !Object.isFrozen(tools)) return JSON.stringify(message);
  const members = JSON.stringify(rest).slice(1, -1);
  return `{"jsonrpc":"2.0","id":${JSON.stringify(message.id)},"result":{"tools":${textOf(tools)}${members && `,${members}`}}}`;
}

function textOf(list: object): string {
  const text = texts.get(list) ?? JSON.stringify(list);
  texts.set(list, text);
  return text;
}
