import { AppServerClient, type OpenThread, UnreachableError, UnresponsiveError } from '@codex-mcp/codex';
import { type AgentIdentity, type FileWrite, type Placement, type PullRequestWish, type WorkspaceChoice } from '@codex-mcp/contracts';
import { type Envelopes, type Lease, RELAY_PASS_HEADER, relayPass, type ThreadStore } from '@codex-mcp/messaging';
import { openPullRequest, writeToHost } from '../workspace/relay.client.js';
import { AgentSession } from './agent-session.js';
import { AgentThreads } from './agent-threads.js';
import type { PlacementClient } from './placement.client.js';

/** A connection that no turn has used for this long is closed; the next turn opens one in a few milliseconds. */
const IDLE_MS = 60_000;

const DEVELOPER_INSTRUCTIONS =
  'You work for another AI agent, not for a person: nobody answers questions while you work, so decide and say what you assumed. Your workspace is the current directory.';

/** `image`: the name of the image that the agent is to run in, `egress`: the hosts that its repository wishes for; without them, those that it has. `isReading`: for a turn that has not begun and may only read. */
type Wanted = { agent: AgentIdentity; workspace: WorkspaceChoice | undefined; image?: string | undefined; egress?: string[] | undefined; isReading?: boolean | undefined; epoch: number; correlationId: string };
type Held = { session: AgentSession; workspace: string; idle: NodeJS.Timeout | undefined };

/** Connections to agents, kept warm between the turns that this worker runs for them. */
export class AgentSessions {
  private readonly held = new Map<string, Held>();
  /** For each agent, when the connection that is being opened is there or has failed. */
  private readonly opening = new Map<string, Promise<void>>();

  constructor(
    private readonly placements: PlacementClient,
    private readonly threads: ThreadStore,
    private readonly lease: Lease,
    private readonly envelopes: Envelopes,
    private readonly options: { model: string; rpcTimeoutMs: number },
  ) {}

  /** The agent's Codex, started and connected as needed. `notify` tells of what takes a moment. */
  acquire(wanted: Wanted, notify: (message: string) => void): Promise<AgentSession> {
    const { key } = wanted.agent;
    // A cancelled turn's connection may still be on its way; a second one would end it halfway.
    const session = (this.opening.get(key) ?? Promise.resolve()).then(() => this.acquireNext(wanted, notify));
    const opened = session.then(
      () => undefined,
      () => undefined,
    );
    this.opening.set(key, opened);
    void opened.then(() => this.opening.get(key) === opened && this.opening.delete(key));
    return session;
  }

  private async acquireNext(wanted: Wanted, notify: (message: string) => void): Promise<AgentSession> {
    const held = this.held.get(wanted.agent.key);
    clearTimeout(held?.idle);
    const session = held && this.isUsable(held, wanted) ? held.session : await this.replace(wanted, notify);
    if (!wanted.isReading || !(await session.hasLostReadOnly())) return session;
    notify('The agent’s Codex can no longer keep a turn from writing; starting it anew');
    await this.placements.stop(wanted.agent, session.placement.supervisorId);
    return this.replace(wanted, notify);
  }

  private async replace(wanted: Wanted, notify: (message: string) => void): Promise<AgentSession> {
    this.drop(wanted.agent.key);
    notify(`Connecting to agent ${wanted.agent.agentId}`);
    const session = await this.open(wanted, notify);
    this.held.set(wanted.agent.key, { session, workspace: JSON.stringify(wanted.workspace), idle: undefined });
    return session;
  }

  /** The open connection that a turn of the agent is at work over, for what only looks at this workspace beside it; not to be released. */
  atWork(agentKey: string, workspace: WorkspaceChoice | undefined): AgentSession | undefined {
    const held = this.held.get(agentKey);
    if (!held?.session.codex.isOpen) return undefined;
    return workspace === undefined || held.workspace === JSON.stringify(workspace) ? held.session : undefined;
  }

  /** Call when a turn is over; closes the connection unless another turn comes soon. */
  release(agentKey: string): void {
    const held = this.held.get(agentKey);
    if (!held) return;
    clearTimeout(held.idle);
    held.idle = setTimeout(() => this.drop(agentKey), IDLE_MS);
  }

  drop(agentKey: string): void {
    const held = this.held.get(agentKey);
    if (!held) return;
    clearTimeout(held.idle);
    held.session.codex.close();
    this.held.delete(agentKey);
  }

  closeAll(): void {
    for (const agentKey of this.held.keys()) this.drop(agentKey);
  }

  private isUsable({ session, workspace }: Held, wanted: Wanted): boolean {
    return session.codex.isOpen && session.epoch === wanted.epoch && session.isInImage(wanted.image) && session.hasGranted(wanted.egress) && session.placement.full === undefined && (wanted.workspace === undefined || workspace === JSON.stringify(wanted.workspace));
  }

  private async open(wanted: Wanted, notify: (message: string) => void): Promise<AgentSession> {
    const { agent, workspace, image, egress, correlationId } = wanted;
    const place = () => this.placements.ensure(agent, { workspace, image, egress }, correlationId);
    const placement = await place();
    try {
      return await this.openAt(placement, wanted);
    } catch (error) {
      if (!(error instanceof UnresponsiveError)) throw error;
      notify('The agent’s Codex does not answer; starting it anew');
      await this.placements.stop(agent, placement.supervisorId);
      return this.openAt(await place(), wanted);
    }
  }

  private async openAt(placement: Placement, { agent, epoch }: Wanted): Promise<AgentSession> {
    const codex = await this.connect(agent, placement, epoch);
    try {
      const threads = new AgentThreads(codex, agent, this.threads, { ...this.lease, epoch }, this.threadOptions(placement));
      const efforts = await codex.defaultEfforts();
      const relay = this.relayOf(agent, placement);
      const headers = () => this.headers(agent, placement, epoch);
      const write = (files: FileWrite[]) => writeToHost(relay, headers(), files);
      const open = (wish: PullRequestWish) => openPullRequest(relay, headers(), wish);
      return new AgentSession(codex, agent, placement, threads, epoch, efforts, write, open);
    } catch (error) {
      codex.close();
      throw error;
    }
  }

  private async connect(agent: AgentIdentity, placement: Placement, epoch: number): Promise<AppServerClient> {
    const url = this.relayOf(agent, placement).replace(/^http/, 'ws');
    try {
      return await AppServerClient.connect(url, { headers: this.headers(agent, placement, epoch), rpcTimeoutMs: this.options.rpcTimeoutMs });
    } catch (error) {
      if (error instanceof UnresponsiveError) throw error;
      throw new UnreachableError('The agent’s Codex could not be reached through its supervisor.', error);
    }
  }

  private relayOf(agent: AgentIdentity, { relayUrl }: Placement): string {
    return `${relayUrl}/agents/${agent.key}`;
  }

  private headers({ key: agentKey }: AgentIdentity, { supervisorId }: Placement, epoch: number): Record<string, string> {
    return { authorization: `Bearer ${this.lease.token}`, 'x-lease-epoch': String(epoch), [RELAY_PASS_HEADER]: relayPass(this.envelopes, { agentKey, epoch, supervisorId }) };
  }

  private threadOptions({ cwd, sandbox, egress }: Placement): OpenThread {
    const hosts = [...egress.allowed, ...egress.granted];
    const network = hosts.length === 0 ? 'You have no network.' : `Of the network, you reach only ${hosts.join(', ')}, through the proxy that HTTPS_PROXY names.`;
    return { cwd, model: this.options.model, sandbox: sandbox === 'external' ? 'danger-full-access' : 'workspace-write', developerInstructions: `${DEVELOPER_INSTRUCTIONS} ${network}` };
  }
}
