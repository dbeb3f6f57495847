import { z } from 'zod';
import { errorAnswer, type HttpAnswer } from './http-answer.js';
import type { RequestLog } from './request-log.js';
import type { ResponsesStats } from './responses.endpoint.js';
import { type Rule, ruleSchema } from './step.schema.js';

export const controlPrefix = '/_fake/';

const requestsQuerySchema = z.object({ last: z.coerce.number().int().min(1).default(1000) });

export interface ControlTarget {
  readonly log: RequestLog;
  stats(): ResponsesStats;
  rule(rule: Rule): void;
  reset(): void;
}

/** The control plane for other processes: `GET requests?last=n`, `GET stats`, `POST rules`, `POST reset`. */
export function answerControl(target: ControlTarget, method: string, url: URL, body: unknown): HttpAnswer {
  const route = `${method} ${url.pathname.slice(controlPrefix.length)}`;
  if (route === 'GET requests') return listRequests(target, url);
  if (route === 'GET stats') return { status: 200, body: { ...target.stats(), requests: target.log.requests.length } };
  if (route === 'POST rules') return addRules(target, body);
  if (route === 'POST reset') {
    target.reset();
    return { status: 200, body: {} };
  }
  return errorAnswer(404, `no such control route: ${method} ${url.pathname}; there are GET requests, GET stats, POST rules, POST reset`);
}

function listRequests({ log }: ControlTarget, url: URL): HttpAnswer {
  const query = requestsQuerySchema.safeParse(Object.fromEntries(url.searchParams));
  if (!query.success) return errorAnswer(400, z.prettifyError(query.error));
  return { status: 200, body: log.requests.slice(-query.data.last) };
}

/** One rule or several; `match` is the source of a regular expression. */
function addRules(target: ControlTarget, body: unknown): HttpAnswer {
  const parsed = z.array(ruleSchema).safeParse([body].flat());
  if (!parsed.success) return errorAnswer(400, z.prettifyError(parsed.error));
  for (const rule of parsed.data) target.rule(rule);
  return { status: 200, body: { added: parsed.data.length } };
}
