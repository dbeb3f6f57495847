import { isAbsolute } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Server } from '@modelcontextprotocol/sdk/server/index.js';
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js';
import { ListRootsResultSchema, RootsListChangedNotificationSchema, type ServerNotification, type ServerRequest } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';

const ROOTS_TIMEOUT_MS = 2000;
const MAX_ROOTS = 20;

const Named = z.object({ workspace: z.string(), agent_id: z.string().optional() });
const Addressed = z.object({ agent_id: z.string().optional() });

/** Which directories a session's calls may mean: the one that it named last for the agent, else its connection's, else its client's roots. */
export class SessionWorkspaces {
  private readonly named = new Map<string, string>();
  private roots: Promise<readonly string[]> | undefined;

  constructor(private readonly server: Server) {
    server.setNotificationHandler(RootsListChangedNotificationSchema, () => {
      this.roots = undefined;
    });
  }

  async hints(args: unknown, ofConnection: string | undefined, extra: RequestHandlerExtra<ServerRequest, ServerNotification>): Promise<readonly string[]> {
    const named = Named.safeParse(args).data;
    if (named && isAbsolute(named.workspace)) this.named.set(named.agent_id ?? '', named.workspace);
    const before = this.named.get(Addressed.safeParse(args).data?.agent_id ?? '') ?? ofConnection;
    if (before !== undefined) return [before];
    if (!this.server.getClientCapabilities()?.roots) return [];
    // On the stream of this call: a client need not have another one open.
    this.roots ??= extra.sendRequest({ method: 'roots/list' }, ListRootsResultSchema, { timeout: ROOTS_TIMEOUT_MS }).then(
      ({ roots }) => roots.flatMap(({ uri }) => pathOf(uri)).slice(0, MAX_ROOTS),
      () => [],
    );
    return this.roots;
  }
}

function pathOf(uri: string): string[] {
  try {
    return [fileURLToPath(uri)];
  } catch {
    return []; // no file, or one of another machine
  }
}
