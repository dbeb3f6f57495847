import { isIP } from 'node:net';
import { textWithDefault } from '@codex-mcp/config';
import type { z } from 'zod';

/** A host that agents' git may reach. */
export type GitHost = {
  /** As the route has it: `github.com`, `git.example.org:8443`. */
  name: string;
  origin: string;
  /** The only address that its connections go to, where the operator has named one; else a public one. */
  address: string | undefined;
};

const ENTRY = /^(?<host>\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::(?<port>\d{1,5}))?(?:=(?<address>[0-9a-f:.]+))?$/;
const LOOPBACK = /^(?:127\.|::1$)/;

/** Hosts separated by ",": `host`, `host:port`, `host=address`; an address in place of a name stands for itself. */
export const gitHosts = () =>
  textWithDefault('').transform((value, context) => {
    const hosts = new Map<string, GitHost>();
    for (const entry of value.toLowerCase().split(',').map((part) => part.trim()).filter(Boolean)) {
      const host = parseHost(entry);
      if (host) hosts.set(host.name, host);
      else context.addIssue({ code: 'custom', message: `has "${entry}", which is not a host such as github.com, git.example.org:8443 or git.example.org=10.1.2.3` });
    }
    return hosts;
  }).meta({ default: '' });

function parseHost(entry: string): GitHost | undefined {
  const { host, port, address: named } = ENTRY.exec(entry)?.groups ?? {};
  if (host === undefined || Number(port ?? 1) > 65_535 || (named !== undefined && isIP(named) === 0)) return undefined;
  const literal = host.replace(/^\[|\]$/g, '');
  const address = named ?? (isIP(literal) === 0 ? undefined : literal);
  // Nobody has a certificate for a loopback address; whoever names one means a server of this host.
  const scheme = named === undefined && LOOPBACK.test(literal) && isIP(literal) !== 0 ? 'http' : 'https';
  const name = port === undefined ? host : `${host}:${port}`;
  return { name, origin: `${scheme}://${name}`, address };
}

export type GitHosts = z.output<ReturnType<typeof gitHosts>>;
