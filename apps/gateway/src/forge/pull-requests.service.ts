import { Inject, Injectable } from '@nestjs/common';
import { AppError, type PullRequestResult, type PullRequestWish } from '@codex-mcp/contracts';
import { audited, AuditLog, type Logger, operation, type OperationFields } from '@codex-mcp/observability';
import { Agent } from 'undici';
import { z } from 'zod';
import type { GatewayConfig } from '../gateway.config.js';
import { GATEWAY_CONFIG, LOGGER } from '../gateway.tokens.js';
import { guardedConnect } from '../addresses/address-guard.js';
import { GitCredentials } from '../git/git-credentials.js';
import type { GitHost } from '../git/git-hosts.js';
import { type Call, DefaultBranch, FORGE_APIS, projectOf } from './forge-api.js';
import { forgeOf } from './forges.js';

const TIMEOUT_MS = 30_000;
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
const MAX_WORDS_CHARACTERS = 300;

/** What the forge says itself, where it refuses. */
const Refusal = z.looseObject({ message: z.union([z.string(), z.array(z.string())]).optional(), errors: z.array(z.looseObject({ message: z.string().optional() })).optional() });

/** The pull request could not be opened; the message is for the caller. */
class ForgeRefusal extends Error {
  override readonly name = 'ForgeRefusal';
}

/** Opens pull requests at the forges that the operator names, with the credentials that git has for them. Asked by the supervisor alone: agents have no way here. */
@Injectable()
export class PullRequestsService {
  private readonly credentials: GitCredentials;
  private readonly dispatcher: Agent;

  constructor(
    @Inject(GATEWAY_CONFIG) private readonly config: GatewayConfig,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(AuditLog) private readonly audit: AuditLog,
  ) {
    this.credentials = new GitCredentials(config.GIT_CREDENTIALS_FILE, logger);
    this.dispatcher = new Agent({ connect: guardedConnect(config), headersTimeout: TIMEOUT_MS, bodyTimeout: TIMEOUT_MS, maxResponseSize: MAX_ANSWER_BYTES });
  }

  /** A pull request that is open for the branch already is the answer too. Throws `invalid_arguments` where the operator does not let agents push there. */
  open(agentKey: string, wish: PullRequestWish): Promise<PullRequestResult> {
    const { host: name, repository, branch } = wish;
    const detail: OperationFields = { agentKey, host: name, repository, branch };
    return audited(this.audit, { action: 'pull_request.open', detail }, () => this.logged(agentKey, wish, (result) => Object.assign(detail, { url: result.url, problem: result.problem })));
  }

  private logged(agentKey: string, wish: PullRequestWish, tell: (result: PullRequestResult) => void): Promise<PullRequestResult> {
    const { host: name, repository, branch } = wish;
    return operation(this.logger, 'pull_request', { agentKey, host: name, path: repository, branch }, async (add) => {
      const host = this.config.GIT_HOSTS.get(name);
      if (!host || !this.config.GIT_PUSH) throw new AppError('invalid_arguments', `Agents may not push to "${name}": GIT_HOSTS does not name it, or GIT_PUSH is not set.`);
      const result = await this.request(host, wish);
      add({ url: result.url, problem: result.problem });
      tell(result);
      return result;
    });
  }

  async close(): Promise<void> {
    await this.dispatcher.destroy();
  }

  private async request(host: GitHost, wish: PullRequestWish): Promise<PullRequestResult> {
    const kind = forgeOf(host.name, this.config.GIT_FORGES);
    const compareUrl = kind && FORGE_APIS[kind].compareUrl(host.origin, wish, wish.base);
    const handOut = (problem: string): PullRequestResult => ({ ...(compareUrl !== undefined && { compareUrl }), problem });
    if (!kind || !this.config.GIT_FORGES.has(host.name)) return handOut(`GIT_FORGES does not name ${host.name}, so that its API is not used.`);
    try {
      const token = this.credentials.token(host.origin, wish.repository)?.reveal();
      if (token === undefined) return handOut(`GIT_CREDENTIALS_FILE has no credentials for ${host.name}.`);
      return await this.openAt(host, kind, wish, token);
    } catch (error) {
      if (error instanceof ForgeRefusal) return handOut(error.message);
      const { code } = error as NodeJS.ErrnoException;
      return handOut(`${host.name} could not be asked (${error instanceof z.ZodError ? 'its answer was not understood' : (code ?? 'unknown error')}).`);
    }
  }

  private async openAt(host: GitHost, kind: keyof typeof FORGE_APIS, wish: PullRequestWish, token: string): Promise<PullRequestResult> {
    const api = FORGE_APIS[kind];
    const project = projectOf(wish.repository);
    const ask = (call: Call) => this.ask(api.origin(host), host.name, call, token);
    const base = wish.base ?? DefaultBranch.parse(await ask(api.defaultBranch(project))).default_branch;
    if (base === wish.branch) throw new ForgeRefusal(`"${base}" is the branch that changes go into; give another one with branch.`);
    const known = api.findOpen(await ask(api.listOpen(project, wish)), wish);
    const opened = known ?? api.created(await ask(api.create(project, wish, base)));
    return { ...opened, created: known === undefined, base };
  }

  private async ask(origin: string, name: string, { method, path, body }: Call, token: string): Promise<unknown> {
    const { origin: server, pathname } = new URL(origin);
    const headers = { authorization: `Bearer ${token}`, accept: 'application/json', 'user-agent': 'codex-mcp', ...(body && { 'content-type': 'application/json' }) };
    const answer = await this.dispatcher.request({ origin: server, path: `${pathname === '/' ? '' : pathname}${path}`, method, headers, body: body ? JSON.stringify(body) : null, signal: AbortSignal.timeout(TIMEOUT_MS) });
    const text = await answer.body.text();
    if (answer.statusCode >= 200 && answer.statusCode < 300) return parsed(text);
    const said = Refusal.safeParse(parsed(text)).data;
    const words = [said?.message, ...(said?.errors ?? []).map(({ message }) => message)].flat().filter(Boolean).join('; ').slice(0, MAX_WORDS_CHARACTERS);
    throw new ForgeRefusal(`${name} refuses this (${answer.statusCode})${words === '' ? '' : `: ${words}`}.`);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
