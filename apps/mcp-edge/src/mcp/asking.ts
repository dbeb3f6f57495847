import { inputRequired, type InputRequiredResult, type InputRequests, type ServerContext } from '@modelcontextprotocol/server';
import { InputRequired } from '../invocation/input-required.js';
import type { Ask } from '../invocation/invocation.js';
import type { RequestStates } from './request-state.js';

/** A person answers, or nobody. */
const ANSWER_TIMEOUT_MS = 24 * 3600 * 1000;

type SessionSend = (request: { method: 'elicitation/create'; params?: Record<string, unknown> }, options: { timeout: number; signal?: AbortSignal }) => Promise<unknown>;

/** Asks on the stream of the call, which goes on: a client need not have another one open. Rejects when the client refuses or does not know a question. */
export function askInSession({ mcpReq }: ServerContext): Ask {
  const send = mcpReq.send as unknown as SessionSend;
  return async (questions, _state, signal) => {
    const options = { timeout: ANSWER_TIMEOUT_MS, ...(signal && { signal }) };
    const answers = Object.entries(questions).map(async ([key, { method, params }]) => [key, await send({ method, ...(params && { params }) } as Parameters<SessionSend>[0], options)] as const);
    return Object.fromEntries(await Promise.all(answers));
  };
}

/** Asks by ending the call, unless it came with the answers. */
export function askByAnswering({ mcpReq }: ServerContext): Ask {
  return async (questions, state) => {
    const answers = mcpReq.inputResponses ?? {};
    if (!Object.keys(questions).every((key) => key in answers)) throw new InputRequired(questions, state);
    return Object.fromEntries(Object.keys(questions).map((key) => [key, answers[key]]));
  };
}

/** The result that asks the client, to be answered with another call. */
export async function asResult({ questions, state }: InputRequired, states: RequestStates, context: ServerContext): Promise<InputRequiredResult> {
  return inputRequired({ inputRequests: questions as unknown as InputRequests, requestState: await states.seal(state, context) });
}
