import { isAbsolute } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Server } from '@modelcontextprotocol/sdk/server/index.js';
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js';
import { ListRootsResultSchema, RootsListChangedNotificationSchema, type ServerNotification, type ServerRequest } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import type { CallerWorkspace } from '../invocation/invocation.js';

const ROOTS_TIMEOUT_MS = 2000;
const MAX_ROOTS = 20;
/** Agents of one session whose directory is remembered. */
const MAX_NAMED = 100;

const Named = z.object({ workspace: z.string().refine(isAbsolute).optional(), url: z.string().optional(), agent_id: z.string().optional() });
/** The agent works in its own volume, whatever the client says. */
const OWN = '';
const Addressed = z.object({ agent_id: z.string().optional() });

/** Which directory a session's calls mean that name none: the one that it named last for the agent, else its connection's, else one of its client's roots. */
export class SessionWorkspaces {
  private readonly named = new Map<string, string>();
  private roots: Promise<readonly string[]> | undefined;

  constructor(private readonly server: Server) {
    server.setNotificationHandler(RootsListChangedNotificationSchema, () => {
      this.roots = undefined;
    });
  }

  async of(args: unknown, ofConnection: string | undefined, extra: RequestHandlerExtra<ServerRequest, ServerNotification>): Promise<CallerWorkspace | undefined> {
    const path = this.named.get(Addressed.safeParse(args).data?.agent_id ?? '') ?? ofConnection;
    if (path !== undefined) return path === OWN ? undefined : { path };
    if (!this.server.getClientCapabilities()?.roots) return undefined;
    // On the stream of this call: a client need not have another one open.
    this.roots ??= extra.sendRequest({ method: 'roots/list' }, ListRootsResultSchema, { timeout: ROOTS_TIMEOUT_MS }).then(({ roots }) => roots.flatMap(({ uri }) => pathOf(uri)).slice(0, MAX_ROOTS));
    const hints = await this.roots.catch(() => {
      this.roots = undefined; // asked again with the next call
      return [];
    });
    return { hints };
  }

  /** Call when a call has succeeded: the directory that it names is then known to be one. */
  remember(args: unknown): void {
    const named = Named.safeParse(args).data;
    const opened = named?.url === undefined ? named?.workspace : OWN;
    if (opened !== undefined && this.named.size < MAX_NAMED) this.named.set(named?.agent_id ?? '', opened);
  }
}

function pathOf(uri: string): string[] {
  try {
    return [fileURLToPath(uri)];
  } catch {
    return []; // no file, or one of another machine
  }
}
