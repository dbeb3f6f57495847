import type { NextFunction, Request, Response } from 'express';
import { HttpProblem } from '../http/http-problem.js';
import type { AllowedHosts } from './allowed-hosts.js';

/** What people open in a browser: it changes nothing and is read by nobody else. */
const PAGE = /^\/(?:docs|openapi\.json|health|metrics|ops\/queues(?:\/queue\/.+)?)?\/?$/;

/** Refuses requests under a foreign name or from a foreign web page, on every route. */
export function refuseForeignRequests(hosts: AllowedHosts): (request: Request, response: Response, next: NextFunction) => void {
  return function refuseForeign(request, _response, next) {
    const { host, origin } = request.headers;
    if (!hosts.allowsHost(host)) {
      throw new HttpProblem(403, 'forbidden_host', 'This server does not answer under that Host. Add the name to ALLOWED_HOSTS if it is meant to.');
    }
    if (!hosts.allowsOrigin(origin)) {
      throw new HttpProblem(403, 'forbidden_origin', 'Web pages of that Origin may not use this server.');
    }
    // An <img> or a link of another page sends no Origin, but browsers say where it comes from.
    if (origin === undefined && isOfAnotherPage(request)) {
      throw new HttpProblem(403, 'forbidden_origin', 'Other web sites, ports and subdomains may not use this server.');
    }
    next();
  };
}

/** Another port of this host is the same site, and as foreign as another site, but that it may link to pages. */
function isOfAnotherPage(request: Request): boolean {
  const site = request.headers['sec-fetch-site'];
  if (site === undefined || site === 'none' || site === 'same-origin') return false;
  return site !== 'same-site' || !isLinkToPage(request);
}

const isLinkToPage = ({ method, path, headers }: Request): boolean =>
  method === 'GET' && headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document' && PAGE.test(path);
