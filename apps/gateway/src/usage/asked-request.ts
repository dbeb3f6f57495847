import { z } from 'zod';
import { MemberScanner } from './member-scanner.js';

/** JSON with text of any language has about so many bytes for a token; images have far more. */
export const BYTES_PER_TOKEN = 4;
/** No more than a model takes, whatever the bytes. */
export const MOST_INPUT_TOKENS = 272_000;

const Absent = z.null().optional();
const Content = z.union([z.string(), z.array(z.looseObject({ file_id: Absent, file_url: Absent, image_url: z.string().startsWith('data:').nullish() }))]).nullish();
// An item without type and role refers to one that the model's service has kept.
const Item = z.union([
  z.looseObject({ type: z.string().refine((type) => type !== 'item_reference'), content: Content, output: Content }),
  z.looseObject({ type: Absent, role: z.string(), content: Content }),
]);
/** A request whose input is all in it: nothing is taken from an earlier response, a conversation, a prompt or a file that the service has. */
const WholeRequest = z.looseObject({ previous_response_id: Absent, conversation: Absent, prompt: Absent, input: z.union([z.string(), z.array(Item)]).nullish() });

/** A request to the model, looked into only where its answer does not tell. `body` is undefined where it was not kept. */
export class AskedRequest {
  constructor(private readonly body: Buffer | undefined) {}

  /** The model that it names, anybody's text; undefined where it could not be read. */
  get model(): string | undefined {
    if (!this.body) return undefined;
    const scanner = new MemberScanner([], ['model']);
    scanner.pass(this.body);
    return z.string().safeParse(scanner.get('model')).data;
  }

  /** An estimate by its length; the most there can be, where that says nothing of the input. */
  get inputTokens(): number {
    const tokens = Math.ceil((this.body?.length ?? Infinity) / BYTES_PER_TOKEN);
    // Parsed last: a longer one counts as the most in any case.
    return tokens < MOST_INPUT_TOKENS && this.isWhole() ? tokens : MOST_INPUT_TOKENS;
  }

  private isWhole(): boolean {
    try {
      return WholeRequest.safeParse(JSON.parse(this.body?.toString('utf8') ?? '')).success;
    } catch {
      return false;
    }
  }
}
