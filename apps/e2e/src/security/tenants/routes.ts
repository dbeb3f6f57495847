import { z } from 'zod';
import { rawRequest, type RawAnswer } from './raw-http.js';

export type Route = { readonly method: string; readonly path: string; /** It asks for no token, as it tells nothing of callers. */ readonly isOpen: boolean };

const Index = z.looseObject({ mcp: z.record(z.string(), z.string()) });
const Described = z.object({ paths: z.record(z.string(), z.record(z.string(), z.unknown())) });

const OPEN = new Set(['/', '/health', '/metrics', '/openapi.json', '/docs', '/docs/style.css', '/no/such/route', '/.well-known/oauth-protected-resource', '/.well-known/oauth-protected-resource/mcp']);

/** Every route that the product tells of, by its description of itself, and those that it does not tell of. */
export async function routesOf(port: number): Promise<Route[]> {
  const read = async (path: string): Promise<unknown> => JSON.parse((await rawRequest(port, path)).text);
  const { mcp, ...index } = Index.parse(await read('/'));
  const { paths } = Described.parse(await read('/openapi.json'));
  const described = Object.entries(paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => ({ method: method.toUpperCase(), path: path.replaceAll(/\{[^}]+\}/g, 'x') })));
  const shown = [...Object.values(mcp), ...Object.values(index)].filter((value): value is string => typeof value === 'string' && value.startsWith('/') && value !== '/jobs').map((path) => ({ method: 'GET', path }));
  const others = [
    ...['POST', 'DELETE'].map((method) => ({ method, path: '/mcp' })),
    { method: 'POST', path: '/messages?sessionId=x' },
    ...['/', '/ops/queues/api/queues', '/docs/style.css', '/no/such/route', '/.well-known/oauth-protected-resource', '/.well-known/oauth-protected-resource/mcp'].map((path) => ({ method: 'GET', path })),
  ];
  const all = new Map([...described, ...shown, ...others].map((route) => [`${route.method} ${route.path}`, route]));
  return [...all.values()].map((route) => ({ ...route, isOpen: OPEN.has(route.path) }));
}

export const ask = (port: number, { method, path }: Route, headers: Record<string, string>): Promise<RawAnswer> =>
  rawRequest(port, path, { method, headers: { accept: 'application/json, text/event-stream', ...headers }, ...(method === 'POST' && { body: { message: 'x', jsonrpc: '2.0', id: 1, method: 'initialize', params: {} } }) });
