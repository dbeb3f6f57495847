import { request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { AgentUpstream, AppError, runPaths, type AgentIdentity, type AgentRegistration } from '@codex-mcp/contracts';

const TIMEOUT_MS = 5000;
/** A gateway that is being restarted is back within this time. */
const RETURN_TIMEOUT_MS = 15_000;
const RETURN_POLL_MS = 200;

/** No gateway heard what it was asked. */
class GatewayAwayError extends AppError {}

/** Tells this host's gateway which agents there are, over the socket that both share. */
export class GatewayClient {
  private readonly socketPath: string;

  constructor(runDir: string) {
    this.socketPath = runPaths.gatewayControl(runDir);
  }

  /** The gateway listens for the agent when this resolves. One that is being restarted is waited for. */
  async register(registration: AgentRegistration): Promise<AgentUpstream> {
    for (const deadline = Date.now() + RETURN_TIMEOUT_MS; ; await delay(RETURN_POLL_MS)) {
      try {
        return AgentUpstream.parse(JSON.parse(await this.send('PUT', registration.agent, JSON.stringify(registration))));
      } catch (error) {
        if (!(error instanceof GatewayAwayError) || Date.now() > deadline) throw error;
      }
    }
  }

  async unregister(agent: Pick<AgentIdentity, 'key'>): Promise<void> {
    await this.send('DELETE', agent);
  }

  private send(method: string, agent: Pick<AgentIdentity, 'key'>, body?: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const words = (reason: string) => `The gateway of this host does not answer (${reason}). Start it, with the same RUN_DIR as the supervisor.`;
      const away = (reason: string) => reject(new GatewayAwayError('service_unavailable', words(reason)));
      const call = request({ socketPath: this.socketPath, method, path: `/agents/${agent.key}`, timeout: TIMEOUT_MS, headers: { 'content-type': 'application/json' } }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('aborted', () => away('the connection broke'));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          if ((response.statusCode ?? 500) < 300) resolve(text);
          else reject(new AppError('service_unavailable', words(`${response.statusCode} ${text.slice(0, 300)}`)));
        });
      });
      call.on('timeout', () => call.destroy(new Error('timeout')));
      call.on('error', (error) => away(error.message));
      call.end(body);
    });
  }
}
