const ROUTES: Record<string, string> = {
  'POST /v1/responses': '/responses',
  'POST /v1/responses/compact': '/responses/compact',
  'GET /v1/models': '/models',
};

/** The path below the upstream's base URL that an agent's request goes to; undefined where none may pass. */
export function routeOf(method: string | undefined, url: string): string | undefined {
  const queryAt = url.indexOf('?');
  const path = queryAt === -1 ? url : url.slice(0, queryAt);
  const key = `${method} ${path}`;
  if (!Object.hasOwn(ROUTES, key)) return undefined;
  return `${ROUTES[key]}${queryAt === -1 ? '' : url.slice(queryAt)}`;
}
