import { randomUUID } from 'node:crypto';
import type { JsonObject } from '@codex-mcp/tools';
import { z } from 'zod';
import { type Fixture, type FixtureTurn, form, type Questions, text, word } from './fixture-turn.js';

const STRING = { type: 'string' };
const Accepted = z.object({ action: z.literal('accept'), content: z.record(z.string(), z.json()) });
const Sampled = z.object({ content: z.object({ text: z.string() }) });
const Roots = z.object({ roots: z.array(z.json()) });

const accepted = ({ answers }: FixtureTurn, key: string) => Accepted.safeParse(answers[key]).data?.content;
const nameOf = (turn: FixtureTurn) => z.object({ name: z.string() }).safeParse(accepted(turn, 'user_name')).data?.name;
const askName = (message: string) => form(message, { name: STRING });
const sampling = (question: string, maxTokens = 100): Questions[string] => ({ method: 'sampling/createMessage', params: { messages: [{ role: 'user', content: { type: 'text', text: question } }], maxTokens } });
const ROOTS: Questions[string] = { method: 'roots/list' };
const CONFIRM = form('Please confirm', { ok: { type: 'boolean' } });
const nonce = (): JsonObject => ({ nonce: randomUUID() });

/** Asks by a form once, and tells what came of it. */
const elicitation = (properties: JsonObject): Fixture => (turn) => {
  const { data } = z.object({ action: z.string(), content: z.json().optional() }).safeParse(turn.answers['asked']);
  if (!data) return { ask: { asked: form(word(turn, 'message'), properties, []) } };
  return text(`User response: action=${data.action}, content=${JSON.stringify(data.content ?? {})}`);
};

const OPTIONS = ['option1', 'option2', 'option3'];
const titled = (title: string) => [1, 2, 3].map((number) => ({ const: `value${number}`, title: `${title} ${number}` }));

/** Fixtures that ask the client something and answer in the next round. */
export const ASKING: Readonly<Record<string, Fixture>> = {
  test_sampling: (turn) => {
    const { data } = Sampled.safeParse(turn.answers['asked']);
    return data ? text(`LLM response: ${data.content.text}`) : { ask: { asked: sampling(word(turn, 'prompt')) } };
  },
  test_elicitation: elicitation({ username: STRING, email: STRING }),
  test_elicitation_sep1034_defaults: elicitation({
    name: { type: 'string', default: 'John Doe' },
    age: { type: 'integer', default: 30 },
    score: { type: 'number', default: 95.5 },
    status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
    verified: { type: 'boolean', default: true },
  }),
  test_elicitation_sep1330_enums: elicitation({
    untitledSingle: { type: 'string', enum: OPTIONS },
    titledSingle: { type: 'string', oneOf: titled('Option') },
    legacyEnum: { type: 'string', enum: ['opt1', 'opt2', 'opt3'], enumNames: ['Option One', 'Option Two', 'Option Three'] },
    untitledMulti: { type: 'array', items: { type: 'string', enum: OPTIONS } },
    titledMulti: { type: 'array', items: { anyOf: titled('Choice') } },
  }),
  test_missing_capability: ({ answers }) => (answers['llm'] ? text('ok') : { ask: { llm: sampling('pong', 5) } }),
  test_input_required_result_elicitation: (turn) => {
    const name = nameOf(turn);
    return name === undefined ? { ask: { user_name: askName('What is your name?') } } : text(`Hello, ${name}`);
  },
  test_input_required_result_sampling: ({ answers }) => {
    const { data } = Sampled.safeParse(answers['capital_question']);
    return data ? text(`Sampling: ${data.content.text}`) : { ask: { capital_question: sampling('What is the capital of France?') } };
  },
  test_input_required_result_list_roots: ({ answers }) => {
    const { data } = Roots.safeParse(answers['client_roots']);
    return data ? text(`roots ${data.roots.length}`) : { ask: { client_roots: ROOTS } };
  },
  test_input_required_result_request_state: (turn) => {
    if (!accepted(turn, 'confirm')) return { ask: { confirm: CONFIRM }, state: nonce() };
    return turn.state ? text('state-ok') : { protocolError: { code: -32602, message: 'no state' } };
  },
  test_input_required_result_tampered_state: (turn) => (turn.state && accepted(turn, 'confirm') ? text('integrity-ok') : { ask: { confirm: CONFIRM }, state: nonce() }),
  test_input_required_result_multiple_inputs: (turn) => {
    const { greeting, client_roots: roots } = turn.answers;
    const name = nameOf(turn);
    if (name !== undefined && greeting && roots) return text(`ok ${name}`);
    return { ask: { user_name: askName('What is your name?'), greeting: sampling('Greet', 50), client_roots: ROOTS }, state: nonce() };
  },
  test_input_required_result_multi_round: ({ state }) => {
    if (state?.['round'] === 2) return text('done');
    if (state?.['round'] === 1) return { ask: { step2: form('Step 2', { color: STRING }) }, state: { round: 2, ...nonce() } };
    return { ask: { step1: askName('Step 1') }, state: { round: 1, ...nonce() } };
  },
  test_input_required_result_capabilities: ({ answers, capabilities }) => {
    if (Object.keys(answers).length > 0) return text('ok');
    const ask: Questions = {
      ...(capabilities['elicitation'] && { user_name: askName('What is your name?') }),
      ...(capabilities['sampling'] && { greeting: sampling('Greet', 50) }),
      ...(capabilities['roots'] && { client_roots: ROOTS }),
    };
    return Object.keys(ask).length > 0 ? { ask } : text('none');
  },
  test_tool_with_task: async (turn) => {
    const name = accepted(turn, 'user_name');
    return name ? text(`Hello ${JSON.stringify(name)}`) : { ask: { user_name: form('What is your name?', { name: STRING, user_name: STRING }, []) }, state: nonce() };
  },
};
