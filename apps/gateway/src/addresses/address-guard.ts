import { lookup as resolve, type LookupAddress } from 'node:dns';
import { BlockList, isIPv6, type LookupFunction } from 'node:net';
import type { GatewayConfig } from '../gateway.config.js';

/** The special-purpose registries of IANA: what is not a host of the public internet. */
const V4 = ['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4'];
/** Of IPv6 only this much is given to hosts; addresses beyond it are special, carry one of IPv4, or are nobody's yet. */
const V6_UNICAST = ['2000::/3'];
/** The special ones inside it; those of 2002::/16 and of Teredo (2001::/32) carry an IPv4 address. */
const V6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'];
// A list each: one for both takes every IPv4 address for its form in IPv6.
const NOT_PUBLIC = { ipv4: blockListOf('ipv4', V4), ipv6: blockListOf('ipv6', V6) };
const UNICAST = blockListOf('ipv6', V6_UNICAST);

function blockListOf(family: 'ipv4' | 'ipv6', subnets: string[]): BlockList {
  const list = new BlockList();
  for (const subnet of subnets) {
    const [network = '', prefix] = subnet.split('/');
    list.addSubnet(network, Number(prefix), family);
  }
  return list;
}

export class PrivateAddressError extends Error {
  override readonly name = 'PrivateAddressError';
  readonly code = 'ERR_PRIVATE_ADDRESS';
}

export function isPublic(address: string): boolean {
  const family = isIPv6(address) ? 'ipv6' : 'ipv4';
  return !NOT_PUBLIC[family].check(address, family) && (family === 'ipv4' || UNICAST.check(address, family));
}

/**
 * The resolution of names for connections: those that `pinned` has stand for their address alone, all others for public
 * addresses only. It is what the connection is made with, so that no second answer of a name server can differ.
 */
export function guardedLookup(pinned: ReadonlyMap<string, string>): LookupFunction {
  return (hostname, options, callback) => {
    const address = pinned.get(hostname);
    if (address !== undefined) return answer([{ address, family: isIPv6(address) ? 6 : 4 }]);
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, []);
      if (!addresses.every((one) => isPublic(one.address))) return callback(new PrivateAddressError(`${hostname} is not a host of the public internet`), []);
      answer(addresses);
    });
    function answer(addresses: LookupAddress[]): void {
      const [first] = addresses;
      if (options.all === true) callback(null, addresses);
      else callback(null, first?.address ?? '', first?.family);
    }
  };
}

/** How connections to the hosts of the operator's list are made, for undici. */
export function guardedConnect({ GIT_HOSTS, UPSTREAM_CONNECT_TIMEOUT }: Pick<GatewayConfig, 'GIT_HOSTS' | 'UPSTREAM_CONNECT_TIMEOUT'>): { timeout: number; lookup: LookupFunction } {
  const pinned = [...GIT_HOSTS.values()].flatMap(({ origin, address }) => (address === undefined ? [] : [[new URL(origin).hostname, address] as const]));
  return { timeout: UPSTREAM_CONNECT_TIMEOUT, lookup: guardedLookup(new Map(pinned)) };
}
