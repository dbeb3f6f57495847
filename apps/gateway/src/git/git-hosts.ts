import { textWithDefault } from '@codex-mcp/config';
import type { z } from 'zod';
import { bare, entriesOf, parseListedHost } from '../addresses/listed-host.js';

/** A host that agents' git may reach. */
export type GitHost = {
  /** As the route has it: `github.com`, `git.example.org:8443`. */
  name: string;
  origin: string;
  /** The only address that its connections go to, where the operator has named one; else a public one. */
  address: string | undefined;
};

const LOOPBACK = /^(?:127\.|::1$)/;

/** Hosts separated by ",": `host`, `host:port`, `host=address`; an address in place of a name stands for itself. */
export const gitHosts = () =>
  textWithDefault('').transform((value, context) => {
    const hosts = new Map<string, GitHost>();
    for (const entry of entriesOf(value)) {
      const host = parseHost(entry);
      if (host) hosts.set(host.name, host);
      else context.addIssue({ code: 'custom', message: `has "${entry}", which is not a host such as github.com, git.example.org:8443 or git.example.org=10.1.2.3` });
    }
    return hosts;
  }).meta({ default: '' });

function parseHost(entry: string): GitHost | undefined {
  const listed = parseListedHost(entry);
  if (!listed || listed.host.startsWith('*')) return undefined;
  const { host, port, address } = listed;
  // Nobody has a certificate for a loopback address; whoever names one means a server of this host.
  const scheme = address === bare(host) && LOOPBACK.test(address) ? 'http' : 'https';
  const name = port === undefined ? host : `${host}:${port}`;
  return { name, origin: `${scheme}://${name}`, address };
}

export type GitHosts = z.output<ReturnType<typeof gitHosts>>;
