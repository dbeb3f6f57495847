import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { z } from 'zod';
import { answerControl, controlPrefix, type ControlTarget } from './control.endpoint.js';
import { errorAnswer, type HttpAnswer, sendJson } from './http-answer.js';
import { readBody } from './request-body.js';
import { type ModelResponseRequest, preciseNow, type RecordedRequest, RequestLog } from './request-log.js';
import { ResponsesEndpoint, type ResponsesStats } from './responses.endpoint.js';
import { ScriptState } from './script.state.js';
import { type Rule, type Step, stepSchema } from './step.schema.js';
import { answerSignIn } from './sign-in.endpoint.js';
import { TokenEndpoint } from './token.endpoint.js';

export interface FakeModelOptions {
  /** 0 (the default) takes a free port. */
  readonly port?: number;
  /** Address to listen on; 127.0.0.1 by default. */
  readonly host?: string;
  /** The exact `Authorization` header that model requests must carry; others get 401. */
  readonly requireAuthorization?: string;
  /** Answers turns that neither a directive nor a rule answers, instead of the echo. */
  readonly defaultStep?: Step;
  /** How many requests the log keeps; 1000 by default. */
  readonly logLimit?: number;
}

/** A scriptable fake of the OpenAI Responses API that the real Codex accepts. */
export interface FakeModel {
  readonly port: number;
  /** `http://host:port` */
  readonly url: string;
  /** The provider's `base_url`: `url` with `/v1`. */
  readonly baseUrl: string;
  /** Everything received, oldest first, without the control plane. */
  readonly requests: readonly RecordedRequest[];
  /** The requests for a model response among them. */
  responsesRequests(): readonly ModelResponseRequest[];
  /** Model responses that are being streamed now. */
  inFlight(): number;
  stats(): ResponsesStats;
  /** Resolves with the first request, past or future, that satisfies the predicate; rejects after `timeoutMs` (default 10 s). */
  waitFor(predicate: (request: RecordedRequest) => boolean, timeoutMs?: number): Promise<RecordedRequest>;
  /** Appends a rule; earlier rules win, and a directive in the message wins over all. */
  rule(rule: Rule): void;
  /** Demands this exact `Authorization` header from now on; undefined accepts any. */
  requireAuthorization(value: string | undefined): void;
  /** Answers every `POST /oauth/token` with this; undefined goes back to new tokens. */
  answerTokenRequests(answer: HttpAnswer | undefined): void;
  /** Forgets rules, requests, counts and spent refresh tokens, and restores the authorization of the options. */
  reset(): void;
  /** Breaks open connections and frees the port. */
  close(): Promise<void>;
}

/** Starts the fake; rejects when the port is taken. */
export async function startFakeModel(options: FakeModelOptions = {}): Promise<FakeModel> {
  const fake = new FakeModelServer(options);
  await fake.listen(options.port ?? 0, options.host ?? '127.0.0.1');
  return fake;
}

const defaultLogLimit = 1000;
const defaultTimeoutMs = 10_000;

class FakeModelServer implements FakeModel, ControlTarget {
  readonly log: RequestLog;
  port = 0;
  url = '';
  private readonly script: ScriptState;
  private readonly responses: ResponsesEndpoint;
  private readonly tokens = new TokenEndpoint();
  private readonly server: Server;

  constructor(private readonly options: FakeModelOptions) {
    this.log = new RequestLog(options.logLimit ?? defaultLogLimit);
    this.script = new ScriptState(options.defaultStep && stepSchema.parse(options.defaultStep));
    this.responses = new ResponsesEndpoint(this.script, this.log);
    this.responses.requiredAuthorization = options.requireAuthorization;
    this.server = createServer({ noDelay: true, keepAliveTimeout: 60_000 }, (request, response) => {
      this.serve(request, response).catch((error: unknown) => fail(response, error));
    });
  }

  get baseUrl(): string {
    return `${this.url}/v1`;
  }

  get requests(): readonly RecordedRequest[] {
    return this.log.requests;
  }

  responsesRequests(): readonly ModelResponseRequest[] {
    return this.log.requests.filter((request): request is ModelResponseRequest => request.model !== undefined);
  }

  inFlight(): number {
    return this.responses.stats.inFlight;
  }

  stats(): ResponsesStats {
    return this.responses.stats;
  }

  async waitFor(predicate: (request: RecordedRequest) => boolean, timeoutMs = defaultTimeoutMs): Promise<RecordedRequest> {
    return this.log.waitFor(predicate, timeoutMs);
  }

  rule(rule: Rule): void {
    this.script.addRule(rule);
  }

  requireAuthorization(value: string | undefined): void {
    this.responses.requiredAuthorization = value;
  }

  answerTokenRequests(answer: HttpAnswer | undefined): void {
    this.tokens.always(answer);
  }

  reset(): void {
    this.script.clear();
    this.log.clear();
    this.tokens.clear();
    this.responses.clear();
    this.responses.requiredAuthorization = this.options.requireAuthorization;
  }

  async listen(port: number, host: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(port, host, resolve);
    });
    const address = z.object({ port: z.number() }).parse(this.server.address());
    this.port = address.port;
    this.url = `http://${host}:${address.port}`;
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', headers } = request;
    const url = new URL(request.url ?? '/', 'http://fake');
    const { value: body, bytes } = await readBody(request);
    if (url.pathname.startsWith(controlPrefix)) return sendJson(response, answerControl(this, method, url, body));
    const entry = this.log.add({ method, path: url.pathname, query: url.search, headers, body, bytes });
    if (method === 'POST' && url.pathname.endsWith('/responses')) return this.responses.answer(entry, response);
    const answer = this.answerPlainly(method, url, body);
    this.log.update(entry, { status: answer.status, firstByteAt: preciseNow(), endedAt: preciseNow() });
    sendJson(response, answer);
  }

  private answerPlainly(method: string, url: URL, body: unknown): HttpAnswer {
    const path = url.pathname;
    if (method === 'POST' && path === '/oauth/token') return this.tokens.answer(body);
    const answer = answerSignIn(method, url);
    if (answer) return answer;
    return errorAnswer(404, `fake model: no route for ${method} ${path}`);
  }
}

function fail(response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) return void response.destroy();
  sendJson(response, errorAnswer(500, `fake model: ${String(error)}`));
}
