import type { z } from 'zod';
import { withoutAbsent } from '../absent.js';
import type { ManagementTool, OutputOf, Tool, TurnTool, WorkspaceTool } from '../tool.js';
import type { TurnFacts } from './turn-facts.schema.js';

export type JsonObject = { [key: string]: z.core.util.JSONType };

/** A turn's output: the model's answer, with what was measured of it, and the turn's facts, without null or undefined. Throws a ZodError where a fact is missing or wrong. */
export function composeOutput(tool: TurnTool, answer: object, facts: TurnFacts): JsonObject {
  return tool.output.parse(withoutAbsent({ ...answer, ...facts })) as JsonObject;
}

/** The same for a workspace tool, whose output its worker has put together. */
export function composeWorkspaceOutput(tool: WorkspaceTool, output: object): JsonObject {
  return tool.output.parse(withoutAbsent(output)) as JsonObject;
}

/** The same for a management tool, whose output the edge has put together. */
export function composeManagementOutput<T extends ManagementTool>(tool: T, output: OutputOf<T>): JsonObject {
  return tool.output.parse(withoutAbsent(output)) as JsonObject;
}

/** An output, for example from a turn log, as markdown for a person. Throws a ZodError when it is not one of this tool. */
export function renderOutput(tool: Tool, output: unknown): string {
  return tool.render(tool.output.parse(output));
}
