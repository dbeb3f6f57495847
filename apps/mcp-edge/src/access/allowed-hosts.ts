const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'];

const WILDCARDS = new Set(['0.0.0.0', '::', '[::]']);

const HOST_HEADER = /^(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::\d{1,5})?$/i;

/** True for an address that only this machine can reach. */
export function isLoopback(address: string): boolean {
  return address === 'localhost' || address === '::1' || address === '[::1]' || /^127(\.\d{1,3}){3}$/.test(address);
}

/** The names under which this server may be addressed; whatever else resolves to it is a rebinding attack or a misconfiguration. */
export class AllowedHosts {
  private readonly names: ReadonlySet<string>;

  constructor(bind: string, extra: readonly string[]) {
    const own = WILDCARDS.has(bind) ? [] : [bind.includes(':') && !bind.startsWith('[') ? `[${bind}]` : bind];
    this.names = new Set([...LOOPBACK_NAMES, ...own, ...extra].map((name) => name.toLowerCase()));
  }

  /** A Host header with any port. */
  allowsHost(header: string | undefined): boolean {
    const name = HOST_HEADER.exec(header ?? '')?.[1];
    return name !== undefined && this.names.has(name.toLowerCase());
  }

  /** An Origin header; programs send none. */
  allowsOrigin(header: string | undefined): boolean {
    if (header === undefined) return true;
    const host = /^https?:\/\/([^/]+)$/i.exec(header)?.[1];
    return host !== undefined && this.allowsHost(host);
  }
}
