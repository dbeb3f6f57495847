// @ts-check
import { existsSync, readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { homedir } from 'node:os';
import { join } from 'node:path';

const pingTimeoutMs = 3_000;

/** Where Docker Desktop and the system's engine listen, in the order in which dockerode looks. */
const defaultSockets = [join(homedir(), '.docker/run/docker.sock'), '/var/run/docker.sock'];

/**
 * Whether a Docker engine answers at DOCKER_HOST or at a default socket. Needs no installed package.
 * @param {Record<string, string | undefined>} env
 * @returns {Promise<boolean>}
 */
export async function engineAnswers(env = process.env) {
  const host = env['DOCKER_HOST'];
  if (host?.startsWith('ssh://')) return true; // only the Docker client can tell, and reports it better
  if (host?.startsWith('unix://')) return ping(http, { socketPath: host.slice('unix://'.length) });
  if (host) return pingNetwork(new URL(host), env);
  const socketPath = defaultSockets.find((path) => existsSync(path));
  return socketPath !== undefined && ping(http, { socketPath });
}

/** @param {URL} host @param {Record<string, string | undefined>} env */
function pingNetwork({ hostname, port }, env) {
  if (!env['DOCKER_TLS_VERIFY']) return ping(http, { host: hostname, port: port || 2375 });
  const folder = env['DOCKER_CERT_PATH'] ?? join(homedir(), '.docker');
  const [ca, cert, key] = ['ca.pem', 'cert.pem', 'key.pem'].map((file) => readFileSync(join(folder, file)));
  return ping(https, { host: hostname, port: port || 2376, ca, cert, key });
}

/** @param {Pick<typeof http, 'get'>} protocol @param {https.RequestOptions} target @returns {Promise<boolean>} */
function ping(protocol, target) {
  return new Promise((resolve) => {
    const request = protocol.get({ ...target, path: '/_ping', timeout: pingTimeoutMs }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
    request.on('close', () => resolve(false));
  });
}
