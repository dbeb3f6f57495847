import type { JsonObject } from '@codex-mcp/tools';

/** A tool of the conformance suite, played by the fixture worker under its name. */
export type FixtureTool = {
  readonly inputSchema: JsonObject;
  /** `offered`: becomes a task where the client knows them; `needed`: fails where it does not; `answered`: needed once the client has been asked. */
  readonly task?: 'offered' | 'needed' | 'answered';
};

const object = (properties: JsonObject = {}, required: string[] = []): JsonObject => ({ type: 'object', properties, ...(required.length > 0 && { required }) });
const text = { type: 'string' };
const NOTHING: FixtureTool = { inputSchema: object() };
const MESSAGE: FixtureTool = { inputSchema: object({ message: text }) };

/** With the features of JSON Schema 2020-12 that a listing must keep. */
const SCHEMA_2020_12: JsonObject = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  $defs: { address: { $anchor: 'addressDef', type: 'object', properties: { street: text, city: text } } },
  properties: { name: text, address: { $ref: '#/$defs/address' }, contactMethod: { type: 'string', enum: ['phone', 'email'] }, phone: text, email: text },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
  // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema; nobody awaits it
  then: { required: ['phone'] },
  else: { required: ['email'] },
  additionalProperties: false,
};

export const FIXTURE_TOOLS: Readonly<Record<string, FixtureTool>> = {
  test_simple_text: NOTHING,
  test_image_content: NOTHING,
  test_audio_content: NOTHING,
  test_embedded_resource: NOTHING,
  test_multiple_content_types: NOTHING,
  test_tool_with_logging: NOTHING,
  test_tool_with_progress: NOTHING,
  test_error_handling: NOTHING,
  test_sampling: { inputSchema: object({ prompt: text }, ['prompt']) },
  test_elicitation: MESSAGE,
  test_elicitation_sep1034_defaults: MESSAGE,
  test_elicitation_sep1330_enums: MESSAGE,
  test_reconnection: NOTHING,
  json_schema_2020_12_tool: { inputSchema: SCHEMA_2020_12 },
  test_x_mcp_header: { inputSchema: object({ region: { type: 'string', 'x-mcp-header': 'Region' }, level: { type: 'integer' } }) },
  test_missing_capability: NOTHING,
  test_streaming_elicitation: NOTHING,
  test_logging_tool: NOTHING,
  test_trigger_tool_change: NOTHING,
  test_trigger_prompt_change: NOTHING,
  test_input_required_result_elicitation: NOTHING,
  test_input_required_result_sampling: NOTHING,
  test_input_required_result_list_roots: NOTHING,
  test_input_required_result_request_state: NOTHING,
  test_input_required_result_tampered_state: NOTHING,
  test_input_required_result_multiple_inputs: NOTHING,
  test_input_required_result_multi_round: NOTHING,
  test_input_required_result_capabilities: NOTHING,
  greet: { inputSchema: object({ name: text }, ['name']) },
  slow_compute: { inputSchema: object({ seconds: { type: 'number' }, label: text }, ['seconds']), task: 'offered' },
  failing_job: { inputSchema: object(), task: 'needed' },
  protocol_error_job: { inputSchema: object(), task: 'offered' },
  confirm_delete: { inputSchema: object({ filename: text }, ['filename']), task: 'offered' },
  multi_input: { inputSchema: object(), task: 'offered' },
  test_tool_with_task: { inputSchema: object(), task: 'answered' },
};
