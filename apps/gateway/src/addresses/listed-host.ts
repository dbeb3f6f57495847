import { isIP } from 'node:net';

/** One entry of an operator's list of hosts. */
export type ListedHost = {
  /** In small letters; IPv6 in brackets; `*.` in front of names below it. */
  host: string;
  port: number | undefined;
  /** The address that the operator has named: the only one that stands for the host, wherever it is. */
  address: string | undefined;
};

const ENTRY = /^(?<host>\[[0-9a-f:.]+\]|(?:\*\.)?[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::(?<port>\d{1,5}))?(?:=(?<address>[0-9a-f:.]+))?$/;

/** `host`, `host:port`, `host=address`, `*.host`; an address in place of a name stands for itself. Undefined where it is none of them. */
export function parseListedHost(entry: string): ListedHost | undefined {
  const { host, port, address: named } = ENTRY.exec(entry.toLowerCase())?.groups ?? {};
  if (host === undefined || Number(port ?? 1) > 65_535 || port === '0' || (named !== undefined && isIP(named) === 0)) return undefined;
  // Names below a number would be addresses, and one address cannot stand for many names.
  if (host.startsWith('*') && (named !== undefined || /(?:^|\.)\d+$/.test(host))) return undefined;
  const literal = bare(host);
  return { host, port: port === undefined ? undefined : Number(port), address: named ?? (isIP(literal) === 0 ? undefined : literal) };
}

/** A host without the brackets of IPv6. */
export const bare = (host: string): string => host.replace(/^\[|\]$/g, '');

/** The entries of a list. */
export const entriesOf = (list: string): string[] => list.toLowerCase().split(',').map((part) => part.trim()).filter(Boolean);
