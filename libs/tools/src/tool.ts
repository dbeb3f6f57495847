import type { Scope } from '@codex-mcp/contracts';
import { z } from 'zod';
import type { ChangeTarget, NamedChange } from './arguments/change-target.js';
import { managementArguments, turnArguments, workspaceArguments } from './arguments/argument.schema.js';
import type { DropInTool } from './drop-in-tool.js';
import { strictSchema } from './answers/strict-schema.js';
import { deepFreeze, type JsonSchema, toJsonSchema } from './json-schema.js';
import { orHandle } from './outputs/turn-handle.schema.js';
import { changesIfAny, changesRequired, turnFacts, workspaceFacts } from './outputs/turn-facts.schema.js';

/** `read`: the turn leaves the workspace as it is. `write`: it may change files. */
export type Access = 'read' | 'write';

/** Names of the arguments that hold paths: of what must be there (lists of paths, globs and inline files), and of what may be new. */
export type FileArguments = { readonly existing: readonly string[]; readonly targets: readonly string[] };

export type ToolAnnotations = {
  readonly title: string;
  readonly readOnlyHint: boolean;
  readonly destructiveHint: boolean;
  readonly idempotentHint: boolean;
  readonly openWorldHint: boolean;
};

export type Described = {
  readonly name: string;
  readonly title: string;
  readonly description: string;
};

export type Listed = Described & {
  /** What a caller's token must allow. */
  readonly scope: Scope;
  readonly annotations: ToolAnnotations;
  readonly inputSchema: JsonSchema;
  /** Of a turn tool: its output, or the handle of a turn that is not finished yet. */
  readonly outputSchema: JsonSchema;
};

/**
 * A tool that Codex runs as a turn. `prompt` takes parsed arguments and the change in the workspace that they name;
 * `render` takes a composed output.
 */
export interface TurnTool<A extends z.ZodObject = z.ZodObject, B extends z.ZodObject = z.ZodObject, O extends z.ZodObject = z.ZodObject> extends Listed {
  readonly kind: 'turn';
  /** The most that a call may do. */
  readonly access: Access;
  /** What a call with these arguments may do. */
  accessOf(this: void, args: z.output<A>): Access;
  readonly arguments: A;
  /** At least one of these arguments must be given; empty when the schema says it all. */
  readonly atLeastOneOf: readonly string[];
  readonly fileArguments: FileArguments;
  readonly answer: B;
  /** What Codex gets as `outputSchema`; undefined when its final message is taken as plain text. */
  readonly answerSchema: JsonSchema | undefined;
  readonly output: O;
  /** The change that the arguments name, which the worker takes from git before the turn. */
  change(this: void, args: z.output<A>): ChangeTarget | undefined;
  prompt(this: void, args: z.output<A>, change?: NamedChange): string;
  render(this: void, output: z.output<O>): string;
}

/** A tool that a worker answers from the agent's workspace, as a turn without Codex: in its place among the agent's turns, or, where it only looks, beside the one that is at work. */
export interface WorkspaceTool<A extends z.ZodObject = z.ZodObject, O extends z.ZodObject = z.ZodObject> extends Listed {
  readonly kind: 'workspace';
  readonly access: Access;
  /** Whether it tells of the workspace at the moment and leaves no trace, so that it need not wait while Codex is at work there. */
  readonly onlyLooks: boolean;
  readonly arguments: A;
  readonly output: O;
  render(this: void, output: z.output<O>): string;
}

/** A tool that the edge answers itself. */
export interface ManagementTool<A extends z.ZodObject = z.ZodObject, O extends z.ZodObject = z.ZodObject> extends Listed {
  readonly kind: 'management';
  readonly arguments: A;
  readonly output: O;
  render(this: void, output: z.output<O>): string;
}

/** What runs in the queue, one after the other for each agent; what only looks, also beside another. */
export type QueuedTool = TurnTool | WorkspaceTool;

export type Tool = QueuedTool | ManagementTool | DropInTool;

export const isQueued = (tool: Tool | undefined): tool is QueuedTool => tool?.kind === 'turn' || tool?.kind === 'workspace';

export const onlyLooks = (tool: Tool | undefined): tool is WorkspaceTool => tool?.kind === 'workspace' && tool.onlyLooks;

/** Whether a call of the tool is a turn, of itself or of another tool. */
export const runsTurn = (tool: Tool | undefined): tool is QueuedTool | DropInTool => isQueued(tool) || tool?.kind === 'drop_in';

export type ArgumentsOf<T extends Tool> = z.output<T['arguments']>;
export type AnswerOf<T extends TurnTool> = z.output<T['answer']>;
export type OutputOf<T extends Tool> = z.output<T['output']>;

type TurnArguments<S extends z.ZodRawShape> = z.ZodObject<S & typeof turnArguments, z.core.$strict>;
type TurnOutput<S extends z.ZodRawShape, C extends 'always' | 'if_any'> = z.ZodObject<
  S & typeof turnFacts & (C extends 'always' ? typeof changesRequired : typeof changesIfAny)
>;

type TurnToolSpec<A extends z.ZodRawShape, B extends z.ZodRawShape, C extends 'always' | 'if_any', M extends z.ZodRawShape> = Described & {
  access: Access;
  /** Where it depends on the arguments. */
  accessOf?(this: void, args: z.output<TurnArguments<A>>): Access;
  /** Whether the output has `changes` in any case or only when files changed. */
  changes: C;
  /** `text`: no output schema is sent; the final message is the answer's one property, `answer`. */
  answerForm?: 'json' | 'text';
  atLeastOneOf?: readonly (keyof A & string)[];
  fileArguments?: { existing?: readonly (keyof A & string)[]; targets?: readonly (keyof A & string)[] };
  arguments: A;
  answer: B;
  /** What the worker adds to the answer, or puts in the place of a part of it. */
  measured?: M;
  change?(this: void, args: z.output<TurnArguments<A>>): ChangeTarget | undefined;
  prompt(this: void, args: z.output<TurnArguments<A>>, change?: NamedChange): string;
  render(this: void, output: z.output<TurnOutput<Omit<B, keyof M> & M, C>>): string;
};

export const turnAnnotations = (title: string, access: Access): ToolAnnotations => ({
  title,
  readOnlyHint: access === 'read',
  destructiveHint: access === 'write',
  idempotentHint: false,
  openWorldHint: true,
});

/** Completes a turn tool: common arguments, the turn's facts in its output, and all JSON schemas, computed once and frozen. */
export function defineTurnTool<const A extends z.ZodRawShape, const B extends z.ZodRawShape, const C extends 'always' | 'if_any', const M extends z.ZodRawShape = {}>(
  spec: TurnToolSpec<A, B, C, M>,
): TurnTool<TurnArguments<A>, z.ZodObject<B>, TurnOutput<Omit<B, keyof M> & M, C>> {
  const args = z.strictObject({ ...spec.arguments, ...turnArguments }) as unknown as TurnArguments<A>;
  const answer = z.object(spec.answer) as unknown as z.ZodObject<B>;
  const changes = spec.changes === 'always' ? changesRequired : changesIfAny;
  const output = z.object({ ...spec.answer, ...spec.measured, ...changes, ...turnFacts }) as unknown as TurnOutput<Omit<B, keyof M> & M, C>;
  return Object.freeze({
    kind: 'turn' as const,
    name: spec.name,
    title: spec.title,
    description: spec.description,
    access: spec.access,
    accessOf: spec.accessOf ?? (() => spec.access),
    scope: 'run' as const,
    arguments: args,
    atLeastOneOf: Object.freeze([...(spec.atLeastOneOf ?? [])]),
    fileArguments: Object.freeze({ existing: [], targets: [], ...spec.fileArguments }),
    answer,
    answerSchema: spec.answerForm === 'text' ? undefined : strictSchema(answer),
    output,
    change: spec.change ?? (() => undefined),
    prompt: spec.prompt,
    render: spec.render,
    annotations: deepFreeze(turnAnnotations(spec.title, spec.access)),
    inputSchema: toJsonSchema(args, 'input'),
    outputSchema: orHandle(toJsonSchema(output, 'output')),
  });
}

/** Whoever may look may call what changes nothing, as long as Codex does not run. */
const scopeOf = ({ readOnlyHint }: Pick<ToolAnnotations, 'readOnlyHint'>): Scope => (readOnlyHint ? 'read' : 'run');

type ManagementArguments<S extends z.ZodRawShape> = z.ZodObject<Omit<typeof managementArguments, keyof S> & S, z.core.$strict>;

type ManagementToolSpec<A extends z.ZodRawShape, O extends z.ZodRawShape> = Described & {
  arguments: A;
  output: O;
  annotations: Omit<ToolAnnotations, 'title' | 'openWorldHint'>;
  /** Where it is not that of {@link scopeOf}. */
  scope?: Scope;
  render(this: void, output: z.output<z.ZodObject<O>>): string;
};

/** Completes a management tool; its own `agent_id`, where it has one, replaces the common one. */
export function defineManagementTool<const A extends z.ZodRawShape, const O extends z.ZodRawShape>(
  spec: ManagementToolSpec<A, O>,
): ManagementTool<ManagementArguments<A>, z.ZodObject<O>> {
  const args = z.strictObject({ ...managementArguments, ...spec.arguments }) as unknown as ManagementArguments<A>;
  const output = z.object(spec.output) as unknown as z.ZodObject<O>;
  return Object.freeze({
    kind: 'management' as const,
    name: spec.name,
    title: spec.title,
    description: spec.description,
    scope: spec.scope ?? scopeOf(spec.annotations),
    arguments: args,
    output,
    render: spec.render,
    annotations: deepFreeze({ title: spec.title, ...spec.annotations, openWorldHint: false }),
    inputSchema: toJsonSchema(args, 'input'),
    outputSchema: toJsonSchema(output, 'output'),
  });
}

type WorkspaceArguments<S extends z.ZodRawShape> = z.ZodObject<S & typeof workspaceArguments, z.core.$strict>;
type WorkspaceOutput<S extends z.ZodRawShape> = z.ZodObject<S & typeof workspaceFacts>;

type WorkspaceToolSpec<A extends z.ZodRawShape, O extends z.ZodRawShape> = Described & {
  access: Access;
  onlyLooks?: boolean;
  arguments: A;
  output: O;
  annotations: Omit<ToolAnnotations, 'title' | 'openWorldHint'>;
  render(this: void, output: z.output<WorkspaceOutput<O>>): string;
};

/** Completes a workspace tool: common arguments, the facts in its output, and all JSON schemas. */
export function defineWorkspaceTool<const A extends z.ZodRawShape, const O extends z.ZodRawShape>(spec: WorkspaceToolSpec<A, O>): WorkspaceTool<WorkspaceArguments<A>, WorkspaceOutput<O>> {
  const args = z.strictObject({ ...spec.arguments, ...workspaceArguments }) as unknown as WorkspaceArguments<A>;
  const output = z.object({ ...spec.output, ...workspaceFacts }) as unknown as WorkspaceOutput<O>;
  return Object.freeze({
    kind: 'workspace' as const,
    name: spec.name,
    title: spec.title,
    description: spec.description,
    access: spec.access,
    onlyLooks: spec.onlyLooks ?? false,
    scope: scopeOf(spec.annotations),
    arguments: args,
    output,
    render: spec.render,
    annotations: deepFreeze({ title: spec.title, ...spec.annotations, openWorldHint: false }),
    inputSchema: toJsonSchema(args, 'input'),
    outputSchema: orHandle(toJsonSchema(output, 'output')),
  });
}
