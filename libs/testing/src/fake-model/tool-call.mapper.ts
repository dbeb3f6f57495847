import type { ModelRequest } from './model-request.js';
import { ScriptError } from './script.errors.js';
import type { Step, ToolCall } from './step.schema.js';

/** Codex waits at most this long for a command before it hands the output so far to the model. */
const commandYieldTimeMs = 30_000;

/**
 * The tool calls of a step, with `shell` and `patch` written for the model that asks: gpt-5.5 has direct tools,
 * gpt-5.6 and later have only `exec`, which runs JavaScript ("code mode").
 * @throws {ScriptError} when the request offers no tool for it.
 */
export function toolCallsOf(step: Step, request: ModelRequest): readonly ToolCall[] {
  const calls: ToolCall[] = [...(step.calls ?? [])];
  if (step.shell !== undefined) calls.push(shellCall(step.shell, request));
  if (step.patch !== undefined) calls.push(patchCall(step.patch, request));
  return calls;
}

function shellCall(command: string, request: ModelRequest): ToolCall {
  const argument = { cmd: command, yield_time_ms: commandYieldTimeMs };
  if (request.toolNames.includes('exec_command')) return { name: 'exec_command', arguments: argument };
  return codeCall(`const result = await tools.exec_command(${JSON.stringify(argument)});\ntext(result.output);`, 'shell', request);
}

function patchCall(patch: string, request: ModelRequest): ToolCall {
  if (request.toolNames.includes('apply_patch')) return { custom: 'apply_patch', input: patch };
  return codeCall(`text(await tools.apply_patch(${JSON.stringify(patch)}));`, 'patch', request);
}

function codeCall(script: string, field: string, request: ModelRequest): ToolCall {
  if (!request.toolNames.includes('exec')) {
    const offered = request.toolNames.join(', ') || 'none';
    throw new ScriptError(`model ${request.model} has no tool for a "${field}" step; tools in the request: ${offered}`);
  }
  return { custom: 'exec', input: `// @exec: {"yield_time_ms": ${2 * commandYieldTimeMs}}\n${script}` };
}
