import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { endServer, listenOnLoopback } from '@codex-mcp/testing';

const run = promisify(execFile);

export type PackageRegistry = {
  port: number;
  /** The certificate that clients have to trust. */
  certificate: string;
  /** Names and paths of all requests, such as `registry.test /hello`. */
  requests: string[];
  close: () => Promise<void>;
};

/** An npm registry over TLS, for `names`, on a port of the loopback address; it has one package, `hello` 1.0.0. */
export async function startPackageRegistry(directory: string, names: string[]): Promise<PackageRegistry> {
  const [key, certificate] = await makeCertificate(directory, names);
  const archive = await makePackage(directory);
  const requests: string[] = [];
  const server = createServer({ key, cert: certificate }, (request, response) => {
    const { host = '' } = request.headers;
    requests.push(`${host.split(':')[0]} ${request.url}`);
    if (request.url === '/hello/-/hello-1.0.0.tgz') return response.end(archive);
    if (request.url !== '/hello') return response.writeHead(404).end('{}');
    const integrity = `sha512-${createHash('sha512').update(archive).digest('base64')}`;
    const version = { name: 'hello', version: '1.0.0', dist: { tarball: `https://${host}/hello/-/hello-1.0.0.tgz`, integrity } };
    return response.setHeader('content-type', 'application/json').end(JSON.stringify({ name: 'hello', 'dist-tags': { latest: '1.0.0' }, versions: { '1.0.0': version } }));
  });
  const port = Number(new URL(await listenOnLoopback(server)).port);
  return { port, certificate, requests, close: () => endServer(server) };
}

async function makeCertificate(directory: string, names: string[]): Promise<[key: string, certificate: string]> {
  const [key, certificate] = [join(directory, 'key.pem'), join(directory, 'certificate.pem')];
  await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=registry.test', '-addext', `subjectAltName=${names.map((name) => `DNS:${name}`).join(',')}`, '-keyout', key, '-out', certificate]);
  return [await readFile(key, 'utf8'), await readFile(certificate, 'utf8')];
}

async function makePackage(directory: string): Promise<Buffer> {
  await mkdir(join(directory, 'package'));
  await writeFile(join(directory, 'package/package.json'), JSON.stringify({ name: 'hello', version: '1.0.0', main: 'index.js' }));
  await writeFile(join(directory, 'package/index.js'), "module.exports = 'hello from the registry';\n");
  await run('tar', ['-czf', 'hello.tgz', 'package'], { cwd: directory });
  return readFile(join(directory, 'hello.tgz'));
}
