import { request } from 'node:http';
import { AgentUpstream, AppError, ErrorBody, PullRequestResult, type PullRequestWish, runPaths, type AgentIdentity, type AgentRegistration } from '@codex-mcp/contracts';
import { z } from 'zod';
import { AwayError } from '../patience.js';

const TIMEOUT_MS = 5000;
/** A forge is asked up to three times, for 30 s each. */
const FORGE_TIMEOUT_MS = 100_000;
const Refused = z.object({ error: ErrorBody });

/** Tells this host's gateway which agents there are, over the socket that both share. Throws an AwayError where none hears it. */
export class GatewayClient {
  private readonly socketPath: string;

  constructor(runDir: string) {
    this.socketPath = runPaths.gatewayControl(runDir);
  }

  /** The gateway listens for the agent when this resolves. */
  async register(registration: AgentRegistration): Promise<AgentUpstream> {
    return AgentUpstream.parse(JSON.parse(await this.send('PUT', agentPath(registration.agent), JSON.stringify(registration))));
  }

  async unregister(agent: Pick<AgentIdentity, 'key'>): Promise<void> {
    await this.send('DELETE', agentPath(agent));
  }

  /** Has the gateway open a pull request, for the branch of an agent. Throws its refusal. */
  async openPullRequest(agent: Pick<AgentIdentity, 'key'>, wish: PullRequestWish): Promise<PullRequestResult> {
    return PullRequestResult.parse(JSON.parse(await this.send('POST', `${agentPath(agent)}/pull-requests`, JSON.stringify(wish), FORGE_TIMEOUT_MS)));
  }

  private send(method: string, path: string, body?: string, timeoutMs = TIMEOUT_MS): Promise<string> {
    return new Promise((resolve, reject) => {
      const words = (reason: string) => `The gateway of this host does not answer (${reason}). Start it, with the same RUN_DIR as the supervisor.`;
      const away = (reason: string) => reject(new AwayError('service_unavailable', words(reason)));
      const call = request({ socketPath: this.socketPath, method, path, timeout: timeoutMs, headers: { 'content-type': 'application/json' } }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('aborted', () => away('the connection broke'));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          if ((response.statusCode ?? 500) < 300) resolve(text);
          else reject(refusalIn(text) ?? new AppError('service_unavailable', words(`${response.statusCode} ${text.slice(0, 300)}`)));
        });
      });
      call.on('timeout', () => call.destroy(new Error('timeout')));
      call.on('error', (error) => away(error.message));
      call.end(body);
    });
  }
}

const agentPath = ({ key }: Pick<AgentIdentity, 'key'>): string => `/agents/${key}`;

/** What the gateway says to the caller; what it says of itself is a service that does not work. */
function refusalIn(text: string): AppError | undefined {
  try {
    const refused = Refused.safeParse(JSON.parse(text));
    return refused.success && refused.data.error.code !== 'internal' ? AppError.from(refused.data.error) : undefined;
  } catch {
    return undefined;
  }
}
