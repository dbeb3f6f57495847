export { findTool, listTools, type ListedTool, MANAGEMENT_TOOLS, type ManagementToolName, TOOLS, TURN_TOOLS, type TurnToolName } from './catalogue/catalogue.js';
export type { Access, AnswerOf, ArgumentsOf, ManagementTool, OutputOf, Tool, ToolAnnotations, TurnTool } from './tool.js';
export type { JsonSchema } from './json-schema.js';
export { MAX_ARGUMENT_CHARACTERS, parseArguments } from './arguments/parse-arguments.js';
export { answerSchema, parseAnswer, type ParsedAnswer } from './answers/parse-answer.js';
export { composeManagementOutput, composeOutput, type JsonObject, renderOutput } from './outputs/compose-output.js';
export { Changes, TurnFacts } from './outputs/turn-facts.schema.js';
export { AgentView } from './outputs/agent-view.schema.js';
