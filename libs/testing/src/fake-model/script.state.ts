import { createHash } from 'node:crypto';
import { findDirective } from './directive.js';
import { sampleOf } from './json-schema-sample.js';
import type { ModelRequest } from './model-request.js';
import { callsTools, type Rule, ruleSchema, type Step, withoutFailure } from './step.schema.js';

interface ActiveRule {
  readonly id: number;
  readonly rule: Rule;
  turnsServed: number;
}

interface Script {
  readonly origin: string;
  readonly steps: readonly Step[];
}

/** Decides which step answers a request: a directive in the message, else a rule, else the default. */
export class ScriptState {
  private rules: ActiveRule[] = [];
  private nextRuleId = 1;
  private readonly ruleOfTurn = new Map<string, ActiveRule>();
  private readonly attempts = new Map<string, number>();

  constructor(private readonly defaultStep: Step | undefined) {}

  /** Appends a rule; earlier rules win. Throws a ZodError when it is not valid. */
  addRule(rule: Rule): void {
    this.rules.push({ id: this.nextRuleId++, rule: ruleSchema.parse(rule), turnsServed: 0 });
  }

  clear(): void {
    this.rules = [];
    this.ruleOfTurn.clear();
    this.attempts.clear();
  }

  /** @throws {ScriptError} when the message holds a directive that is not valid. */
  choose(request: ModelRequest): Step {
    const script = this.scriptFor(request);
    const step = script.steps[request.toolRounds];
    if (step) return this.countAttempt(step, `${turnKey(request)} ${script.origin} ${request.toolRounds}`);
    const last = script.steps.at(-1) ?? {};
    return callsTools(last) ? closingStep(request) : this.countAttempt(last, `${turnKey(request)} ${script.origin} last`);
  }

  private scriptFor(request: ModelRequest): Script {
    const directive = findDirective(request.userText);
    if (directive) return { origin: 'directive', steps: directive };
    const active = this.ruleFor(request);
    if (active) return { origin: `rule ${active.id}`, steps: active.rule.steps };
    return { origin: 'default', steps: [defaultStepFor(request, this.defaultStep)] };
  }

  private ruleFor(request: ModelRequest): ActiveRule | undefined {
    const key = turnKey(request);
    const bound = this.ruleOfTurn.get(key);
    // A client that sends no turn ids may repeat a message: that is a new turn.
    if (bound && (request.turnId !== undefined || request.toolRounds > 0)) return bound;
    const active = this.rules.find((candidate) => isOpen(candidate) && matches(candidate.rule, request));
    if (!active) return undefined;
    active.turnsServed += 1;
    this.ruleOfTurn.set(key, active);
    return active;
  }

  private countAttempt(step: Step, key: string): Step {
    if (step.times === undefined) return step;
    const attempt = (this.attempts.get(key) ?? 0) + 1;
    this.attempts.set(key, attempt);
    return attempt > step.times ? withoutFailure(step) : step;
  }
}

function isOpen(active: ActiveRule): boolean {
  return active.rule.times === undefined || active.turnsServed < active.rule.times;
}

function matches({ match }: Rule, request: ModelRequest): boolean {
  if (match === undefined) return true;
  if (typeof match === 'function') return match(request);
  // A fresh expression: one with the flags g or y would remember where it stopped.
  return new RegExp(match, typeof match === 'string' ? 's' : match.flags.replaceAll(/[gy]/g, '')).test(request.userText);
}

function turnKey(request: ModelRequest): string {
  const message = createHash('sha256').update(request.userText).digest('base64url');
  return [request.threadId, request.turnId, request.userIndex, message].join(' ');
}

function defaultStepFor(request: ModelRequest, configured: Step | undefined): Step {
  if (request.outputSchema !== undefined && configured?.json === undefined) {
    return { ...configured, text: undefined, json: sampleOf(request.outputSchema) };
  }
  return configured ?? { text: `fake: ${request.userText.slice(0, 200)}` };
}

/** Ends a turn whose script stops at a tool call: repeating the call would never end. */
function closingStep(request: ModelRequest): Step {
  if (request.outputSchema !== undefined) return { json: sampleOf(request.outputSchema) };
  return { text: request.toolOutput ?? 'done' };
}
