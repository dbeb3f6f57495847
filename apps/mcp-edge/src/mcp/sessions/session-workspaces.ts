import { isAbsolute } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isPathWithin } from '@codex-mcp/config';
import { OWN_WORKSPACE } from '@codex-mcp/contracts';
import { z } from 'zod';
import type { CallerWorkspace } from '../../invocation/invocation.js';

const MAX_ROOTS = 20;
/** Agents of one session whose directory is remembered. */
const MAX_NAMED = 100;
/** Where what is remembered of the client itself is kept, beside the agents; no agent can have this name. */
const CLIENT = '<client>';

const Named = z.object({ workspace: z.string().refine((path) => isAbsolute(path) || path === OWN_WORKSPACE).optional(), url: z.string().optional(), agent_id: z.string().optional() });
type ListRoots = (() => Promise<readonly string[]>) | undefined;
const Addressed = z.object({ agent_id: z.string().optional() });

/** The directories that a session's calls have named, by agent; '' is the agent of calls that name none. */
export type NamedDirectories = {
  get(agentId: string): Promise<string | undefined>;
  /** For the first `max` agents only. */
  set(agentId: string, path: string, max: number): Promise<void>;
};

/** For a session that one replica serves alone. */
export function directoriesInMemory(): NamedDirectories {
  const named = new Map<string, string>();
  return {
    get: async (agentId) => named.get(agentId),
    set: async (agentId, path, max) => void ((named.has(agentId) || named.size < max) && named.set(agentId, path)),
  };
}

/** Which directory a session's calls mean that name none: the one that it named last for the agent, else its connection's, else one of its client's roots. */
export class SessionWorkspaces {
  private roots: Promise<readonly string[]> | undefined;

  constructor(private readonly named: NamedDirectories) {}

  /** `listRoots` gives the client's roots as URIs; undefined where it has none. */
  async of(args: unknown, ofConnection: string | undefined, listRoots: ListRoots): Promise<CallerWorkspace | undefined> {
    const path = (await this.named.get(Addressed.safeParse(args).data?.agent_id ?? '').catch(() => undefined)) ?? ofConnection;
    if (path !== undefined) return path === OWN_WORKSPACE ? undefined : { path };
    return listRoots && { hints: (await this.rootsOf(listRoots)) ?? [] };
  }

  /**
   * Where the client itself works: what its connection says, else the first of its roots that agents may work on.
   * Decided once for a session, so that its calls keep their agent when the client or a supervisor is slow to answer.
   */
  async directory(ofConnection: string | undefined, listRoots: ListRoots, allowedRoots: () => Promise<readonly string[] | undefined>): Promise<string | undefined> {
    if (ofConnection !== undefined || !listRoots) return ofConnection;
    const decided = await this.named.get(CLIENT).catch(() => undefined);
    if (decided) return decided === OWN_WORKSPACE ? undefined : decided;
    const [roots, allowed] = await Promise.all([this.rootsOf(listRoots), allowedRoots()]);
    const found = roots?.find((path) => allowed?.some((root) => isPathWithin(root, path)));
    if (roots && allowed) await this.named.set(CLIENT, found ?? OWN_WORKSPACE, MAX_NAMED).catch(() => undefined); // decided anew with the next call
    return found;
  }

  /** Undefined where the client would not say; it is asked again with the next call. */
  private rootsOf(listRoots: () => Promise<readonly string[]>): Promise<readonly string[] | undefined> {
    this.roots ??= listRoots().then((uris) => uris.flatMap(pathOf).slice(0, MAX_ROOTS));
    return this.roots.catch(() => (this.roots = undefined));
  }

  /** Call when a call has succeeded: the directory that it names is then known to be one. */
  async remember(args: unknown): Promise<void> {
    const named = Named.safeParse(args).data;
    const opened = named?.url === undefined ? named?.workspace : OWN_WORKSPACE;
    if (opened !== undefined) await this.named.set(named?.agent_id ?? '', opened, MAX_NAMED).catch(() => undefined); // the next call may name it again
  }

  /** The client says that its roots have changed. */
  async forgetRoots(): Promise<void> {
    this.roots = undefined;
    await this.named.set(CLIENT, '', MAX_NAMED).catch(() => undefined);
  }
}

function pathOf(uri: string): string[] {
  try {
    return [fileURLToPath(uri)];
  } catch {
    return []; // no file, or one of another machine
  }
}
