import type { NextFunction, Request, Response } from 'express';
import { HttpProblem } from '../http/http-problem.js';
import type { AllowedHosts } from './allowed-hosts.js';

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
    // An <img> or a link of a foreign page sends no Origin, but browsers say where it comes from.
    if (origin === undefined && request.headers['sec-fetch-site'] === 'cross-site') {
      throw new HttpProblem(403, 'forbidden_origin', 'Other web sites may not use this server.');
    }
    next();
  };
}
