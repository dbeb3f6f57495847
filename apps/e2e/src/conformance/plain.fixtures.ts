import { setTimeout as delay } from 'node:timers/promises';
import { type Fixture, form, text, word } from './fixture-turn.js';

const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==';
const WAV = 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=';
const IMAGE = { type: 'image', data: PNG, mimeType: 'image/png' };
/** Between two things that a fixture says. */
const PAUSE_MS = 50;

const embedded = (uri: string, mimeType: string, content: string) => ({ type: 'resource', resource: { uri, mimeType, text: content } });
const constant = (...content: object[]): Fixture => () => ({ result: { content: content as never } });

/** Fixtures of results and of what is said on the way to them. */
export const PLAIN: Readonly<Record<string, Fixture>> = {
  test_simple_text: () => text('This is a simple text response for testing.'),
  test_image_content: constant(IMAGE),
  test_audio_content: constant({ type: 'audio', data: WAV, mimeType: 'audio/wav' }),
  test_embedded_resource: constant(embedded('test://embedded-resource', 'text/plain', 'This is an embedded resource content.')),
  test_multiple_content_types: constant({ type: 'text', text: 'Multiple content types test:' }, IMAGE, embedded('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}')),
  test_error_handling: () => text('This tool intentionally returns an error for testing', true),
  test_tool_with_logging: async ({ say }) => {
    for (const data of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
      await say({ notify: { method: 'notifications/message', params: { level: 'info', data } } });
      await delay(PAUSE_MS);
    }
    return text('logged');
  },
  test_tool_with_progress: async ({ say }) => {
    for (const progress of ['0 %', '50 %', '100 %']) {
      await say({ progress });
      await delay(PAUSE_MS);
    }
    return text('done');
  },
  test_reconnection: async ({ say }) => {
    await delay(PAUSE_MS);
    await say({ detach: true });
    await delay(4 * PAUSE_MS);
    return text('Reconnection test completed successfully.');
  },
  json_schema_2020_12_tool: ({ args }) => text(JSON.stringify(args)),
  test_x_mcp_header: (turn) => text(`region=${word(turn, 'region')}`),
  test_streaming_elicitation: () => text('ok'),
  test_logging_tool: async ({ say }) => {
    await say({ log: { text: 'x' } });
    return text('ok');
  },
  test_trigger_tool_change: async ({ say }) => {
    await say({ changed: 'tools_list_changed' });
    return text('ok');
  },
  test_trigger_prompt_change: async ({ say }) => {
    await say({ changed: 'prompts_list_changed' });
    return text('ok');
  },
};

/** Fixtures that become tasks. */
export const TASKS: Readonly<Record<string, Fixture>> = {
  greet: (turn) => text(`Hello, ${word(turn, 'name')}!`),
  slow_compute: async (turn) => {
    await Promise.race([delay(Number(turn.args['seconds']) * 1000), turn.cancelled]);
    return text(`computed ${word(turn, 'label')}`);
  },
  failing_job: async () => {
    await delay(10 * PAUSE_MS);
    return text('job failed', true);
  },
  protocol_error_job: async () => {
    await delay(2 * PAUSE_MS);
    return { protocolError: { code: -32603, message: 'boom' } };
  },
  confirm_delete: async (turn) => text(`deleted ${JSON.stringify(await turn.ask({ confirm: form(`delete ${word(turn, 'filename')}`, { confirm: { type: 'boolean' } }) }))}`),
  multi_input: async ({ ask }) => text(JSON.stringify(await ask({ name: form('Your name?', { name: { type: 'string' } }), confirm: form('Sure?', { confirm: { type: 'boolean' } }) }))),
};
