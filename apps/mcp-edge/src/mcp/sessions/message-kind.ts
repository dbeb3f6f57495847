import type { JSONRPCMessage, JSONRPCNotification, JSONRPCRequest } from '@modelcontextprotocol/server';

export type Answer = Extract<JSONRPCMessage, { result: unknown } | { error: unknown }>;

// Of messages that have been parsed, or come from the SDK. Its own checks parse all of a message again, each of them.

export const isRequest = (message: JSONRPCMessage): message is JSONRPCRequest => 'method' in message && 'id' in message;

export const isNotification = (message: JSONRPCMessage): message is JSONRPCNotification => 'method' in message && !('id' in message);

/** A result or an error. */
export const isAnswer = (message: JSONRPCMessage): message is Answer => 'result' in message || 'error' in message;
