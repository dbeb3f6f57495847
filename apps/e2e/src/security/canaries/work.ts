import { rm } from 'node:fs/promises';
import { eventually, type Step } from '@codex-mcp/testing';
import { directive } from '../../stack/calls.js';
import type { App } from './canary.js';
import type { CanaryStack } from './canary-stack.js';
import type { Search } from './search.js';

const PATIENCE = { timeoutMs: 60_000 };

/** Everything that a user does with such a stack, and much that goes wrong; what callers are answered is searched. */
export class CanaryWork {
  constructor(
    private readonly made: CanaryStack,
    private readonly search: Search,
  ) {}

  /** With the ChatGPT sign-in, until its issuer ends it, then with the API key. */
  async run(agents: readonly string[]): Promise<void> {
    await Promise.all(agents.map((agent) => this.useAgent(agent)));
    const [agent = ''] = agents;
    await this.askForApproval(agent);
    await this.renewSignIn(agent);
    await this.refusals(agent);
    await this.endSignIn(agent);
    await this.useApiKey(agent);
    await this.crash('mcp-edge');
    await this.lookAround();
    await this.useCommandLine();
  }

  private async useAgent(agent: string): Promise<void> {
    const { host } = this.made.git;
    await this.chat(agent, { text: 'hello' });
    await this.chat(agent, { shell: `git clone --quiet https://${host}/project.git && cat project/README.md; git ls-remote https://${host}/missing.git; env; cat /proc/self/environ` });
  }

  private async askForApproval(agent: string): Promise<void> {
    const { deliveries } = this.made;
    const headers = { prefer: 'respond-async' };
    const accepted = await this.ask('/tools/chat', { method: 'POST', headers, body: JSON.stringify({ agent_id: agent, write: true, approval_mode: 'manual', message: directive({ shell: 'echo asked' }, { text: 'Done.' }) }) });
    const path = await eventually(() => deliveries.map(({ body }) => (JSON.parse(body) as { answer: { path: string } }).answer.path)[0] ?? false, PATIENCE);
    await this.ask(path, { method: 'POST', body: '{"decision":"accept"}' });
    const { turn_id: turnId } = JSON.parse(accepted) as { turn_id: string };
    await eventually(async () => (await this.ask(`/jobs/${turnId}`)).includes('"completed"'), PATIENCE);
    await this.ask(`/jobs/${turnId}/events`);
  }

  private async renewSignIn(agent: string): Promise<void> {
    const { fake, canaries } = this.made;
    fake.answerTokenRequests({ status: 200, body: { access_token: canaries.nextAccessToken.value, refresh_token: canaries.nextRefreshToken.value, id_token: canaries.idToken.value } });
    fake.requireAuthorization(`Bearer ${canaries.nextAccessToken.value}`);
    await this.chat(agent, { text: 'renewed' });
  }

  /** Services that repeat what they were sent. */
  private async refusals(agent: string): Promise<void> {
    const { fake, canaries } = this.made;
    const message = `The token ${canaries.nextAccessToken.value} may not do this.`;
    fake.rule({ match: 'be forbidden', steps: [{ status: 403, error: { message } }] });
    fake.rule({ match: 'be overloaded', steps: [{ status: 503, error: { message }, times: 1, text: 'after all' }] });
    await this.say(agent, 'be forbidden');
    await this.say(agent, 'be overloaded');
  }

  private async endSignIn(agent: string): Promise<void> {
    const { fake, canaries } = this.made;
    fake.requireAuthorization('Bearer of-somebody-else');
    fake.answerTokenRequests({ status: 401, body: { error: { code: 'refresh_token_invalidated', message: `The token ${canaries.nextRefreshToken.value} has been revoked.` } } });
    await this.say(agent, 'nobody is signed in');
    await this.say(agent, 'still nobody is');
    fake.requireAuthorization(undefined);
    await rm(this.made.authFile);
  }

  private async useApiKey(agent: string): Promise<void> {
    const { fake, canaries } = this.made;
    await eventually(async () => (await this.ask('/health')).includes('"api_key"'), PATIENCE);
    await this.chat(agent, { text: 'with a key' });
    fake.rule({ match: 'be refused', steps: [{ status: 401, error: { message: `Incorrect API key provided: ${canaries.apiKey.value}.`, code: 'invalid_api_key' } }] });
    await this.say(agent, 'be refused');
  }

  /** Callers that put a secret where it does not belong, and all that the edge shows. */
  private async lookAround(): Promise<void> {
    const { clientToken, opsPassword, apiKey } = this.made.canaries;
    const basic = (password: string) => ({ authorization: `Basic ${Buffer.from(`ops:${password}`).toString('base64')}` });
    for (const path of ['/health', '/metrics', '/openapi.json', '/']) await this.ask(path);
    for (const path of ['/ops/queues', '/ops/queues/api/queues?activeQueue=turns&status=completed', '/ops/queues/api/queues?activeQueue=approvals']) {
      await this.ask(path, { headers: basic(opsPassword.value) });
      await this.ask(path, { headers: basic(`${opsPassword.value}x`) });
    }
    await this.ask(`/tools/list_sessions?access_token=${clientToken.value}`, { method: 'POST', body: '{}', headers: { authorization: '' } });
    await this.ask('/tools/list_sessions', { method: 'POST', body: '{}', headers: { authorization: `Bearer ${apiKey.value}` } });
    for (const tool of ['list_sessions', 'list_active_agents', 'list_turns', 'health_check']) await this.ask(`/tools/${tool}`, { method: 'POST', body: '{}' });
  }

  /** Ends it as a crash would; resolves when all serve again. */
  private async crash(app: App): Promise<void> {
    const pid = await this.made.pidOf(app);
    process.kill(pid, 'SIGKILL');
    await eventually(async () => (await this.made.pidOf(app)) !== pid && (await this.ask('/health')).includes('"ok"'), PATIENCE);
  }

  /** A second start, which is refused, and the state of the sign-in. */
  private async useCommandLine(): Promise<void> {
    for (const args of [['start'], ['auth', 'status']]) {
      const launched = this.made.stack.launch('cli', ...args);
      await launched.exit();
      this.search.look(`the output of ${args.join(' ')}`, launched.output);
    }
  }

  /** A turn that must complete. */
  private async chat(agent: string, ...steps: Step[]): Promise<void> {
    const answer = await this.say(agent, directive(...steps));
    if (!answer.includes('"structuredContent"')) throw new Error(`a turn did not complete: ${answer.slice(0, 500)}`);
  }

  private say(agent: string, message: string): Promise<string> {
    return this.ask('/tools/chat', { method: 'POST', body: JSON.stringify({ agent_id: agent, write: true, message }) });
  }

  /** Asks the edge with the client's token; resolves with the body. */
  private async ask(path: string, init: { method?: string; body?: string; headers?: Record<string, string> } = {}): Promise<string> {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${this.made.canaries.clientToken.value}`, ...init.headers };
    try {
      const answer = await fetch(`${this.made.stack.url}${path}`, { ...init, headers });
      const body = await answer.text();
      const place = path.replace(/[?].*/, '').replaceAll(/_[0-9a-f]{32}/g, '_…');
      this.search.look(`the answer of ${place}`, `${JSON.stringify([...answer.headers])}\n${body}`);
      return body;
    } catch {
      return ''; // the edge is away for a moment
    }
  }
}
