import { randomBytes } from 'node:crypto';
import { createRequestStateCodec, type RequestStateCodec, type ServerContext } from '@modelcontextprotocol/server';
import { Inject, Injectable } from '@nestjs/common';
import type { JsonObject } from '@codex-mcp/tools';
import type { Redis } from 'ioredis';
import { REDIS } from '../edge.tokens.js';
import { contextIn } from './call-context.js';

const KEY = 'codex-mcp:mcp:state-key';
const KEY_BYTES = 32;
/** Time that a person has to answer. */
const VALID_S = 24 * 3600;
/** Another replica makes a new key where Redis has lost the old one. */
const FRESH_MS = 60_000;

/** Seals what a question leaves with the client, bound to the principal; every replica opens what another has sealed. */
@Injectable()
export class RequestStates {
  private cached: { readonly atMs: number; readonly codec: Promise<RequestStateCodec<JsonObject>> } | undefined;

  constructor(@Inject(REDIS) private readonly redis: Redis) {}

  async seal(state: JsonObject, context: ServerContext): Promise<string> {
    return (await this.codec()).mint(state, context);
  }

  /** Throws for what was not sealed here, for this principal, or too long ago. */
  async open(sealed: string, context: ServerContext): Promise<JsonObject> {
    return (await this.codec()).verify(sealed, context);
  }

  private codec(): Promise<RequestStateCodec<JsonObject>> {
    if (this.cached && performance.now() - this.cached.atMs < FRESH_MS) return this.cached.codec;
    const codec = this.load();
    this.cached = { atMs: performance.now(), codec };
    codec.catch(() => (this.cached = undefined));
    return codec;
  }

  private async load(): Promise<RequestStateCodec<JsonObject>> {
    await this.redis.set(KEY, randomBytes(KEY_BYTES).toString('base64'), 'NX');
    const key = Buffer.from((await this.redis.get(KEY)) ?? '', 'base64');
    return createRequestStateCodec<JsonObject>({ key, ttlSeconds: VALID_S, bind: ({ http }) => contextIn(http?.authInfo).principal.id });
  }
}
