import { networkInterfaces } from 'node:os';
import type Docker from 'dockerode';
import { execIn } from '../../stack/agent-containers.js';

/** Where Docker's hosts, clouds' metadata and the world usually are. */
const PLACES = ['172.17.0.1', '172.18.0.1', '10.0.0.1', '192.168.0.1', '169.254.169.254', '1.1.1.1'];
const USUAL_PORTS = [22, 53, 80, 443, 2375, 2376, 6379, 8210, 8212];
/** Sixteen at a time, with a second for each. */
const SCAN = 'printf "%s\\n" $0 | xargs -P 16 -I{} sh -c "timeout 1 bash -c \'exec 3<>/dev/tcp/{}\' 2>/dev/null && echo FOUND {}"; ls /sys/class/net';
const OWN_GATEWAY = '127.0.0.1/8080';

export type Scan = { readonly tried: number; readonly failures: readonly string[] };

/** Tries to reach the host's addresses, Docker's, the metadata service, other agents and the world, on usual ports and on `ports`, from inside an agent. */
export async function scanFrom(container: Docker.Container, ports: readonly number[]): Promise<Scan> {
  const own = Object.values(networkInterfaces()).flatMap((addresses = []) => addresses.filter(({ family, internal }) => family === 'IPv4' && !internal).map(({ address }) => address));
  const hosts = [...new Set([...own, ...PLACES])];
  const targets = hosts.flatMap((host) => [...new Set([...USUAL_PORTS, ...ports])].map((port) => `${host}/${port}`));
  const printed = await execIn(container, 'sh', '-c', SCAN, [...targets, OWN_GATEWAY].join(' '));
  const lines = printed.split(/\s*\n/).filter((line) => line !== '');
  const answered = lines.filter((line) => line.startsWith('FOUND ')).map((line) => line.slice('FOUND '.length));
  const interfaces = lines.filter((line) => !line.startsWith('FOUND ')).join(', ');
  const others = answered.filter((address) => address !== OWN_GATEWAY);
  return {
    tried: targets.length,
    failures: [
      ...(answered.includes(OWN_GATEWAY) ? [] : [`the scan does not even see the gateway: ${printed.slice(0, 200)}`]),
      ...(others.length > 0 ? [`${others.length} addresses answer an agent: ${others.slice(0, 5).join(', ')}`] : []),
      ...(interfaces === 'lo' ? [] : [`an agent has the interfaces ${interfaces.slice(0, 100)}`]),
    ],
  };
}
