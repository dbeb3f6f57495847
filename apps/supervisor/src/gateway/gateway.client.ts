import { request } from 'node:http';
import { AgentUpstream, AppError, runPaths, type AgentIdentity, type AgentRegistration } from '@codex-mcp/contracts';
import { AwayError } from '../patience.js';

const TIMEOUT_MS = 5000;

/** Tells this host's gateway which agents there are, over the socket that both share. Throws an AwayError where none hears it. */
export class GatewayClient {
  private readonly socketPath: string;

  constructor(runDir: string) {
    this.socketPath = runPaths.gatewayControl(runDir);
  }

  /** The gateway listens for the agent when this resolves. */
  async register(registration: AgentRegistration): Promise<AgentUpstream> {
    return AgentUpstream.parse(JSON.parse(await this.send('PUT', registration.agent, JSON.stringify(registration))));
  }

  async unregister(agent: Pick<AgentIdentity, 'key'>): Promise<void> {
    await this.send('DELETE', agent);
  }

  private send(method: string, agent: Pick<AgentIdentity, 'key'>, body?: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const words = (reason: string) => `The gateway of this host does not answer (${reason}). Start it, with the same RUN_DIR as the supervisor.`;
      const away = (reason: string) => reject(new AwayError('service_unavailable', words(reason)));
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
