import { Injectable } from '@nestjs/common';
import type { Response } from 'express';
import type { Principal } from './principal.js';
import { TokensFile } from './tokens-file.service.js';

/** What is being answered, by whose it is: it ends with the right to it. Turns go on; they are the tenant's. */
@Injectable()
export class OpenRequests {
  private readonly of = new Map<string, Set<Response>>();

  constructor(tokens: TokensFile) {
    tokens.onEnded((principals) => {
      for (const id of principals) for (const response of this.of.get(id) ?? []) response.destroy();
    });
  }

  track({ id }: Principal, response: Response): void {
    const open = this.of.get(id) ?? new Set();
    this.of.set(id, open.add(response));
    response.once('close', () => {
      open.delete(response);
      if (open.size === 0) this.of.delete(id);
    });
  }
}
