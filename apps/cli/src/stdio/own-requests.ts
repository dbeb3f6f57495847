import type { JSONRPCRequest, RequestId } from '@modelcontextprotocol/sdk/types.js';

type Answer = { result?: unknown; error?: { message: string } };
type Asked = { resolve(result: unknown): void; reject(error: Error): void };

/** What the bridge itself asks the server, under ids that no client uses. */
export class OwnRequests {
  private readonly asked = new Map<RequestId, Asked>();
  private count = 0;

  /** Resolves with the result; rejects with the server's error, or when it cannot be sent. */
  ask(request: JSONRPCRequest, send: (request: JSONRPCRequest) => Promise<void>): Promise<unknown> {
    const id = `codex-mcp-stdio-${++this.count}`;
    return new Promise((resolve, reject) => {
      this.asked.set(id, { resolve, reject });
      send({ ...request, id }).catch((error: Error) => {
        this.asked.delete(id);
        reject(error);
      });
    });
  }

  /** False where the answer is to somebody else. */
  settle(id: RequestId, { result, error }: Answer): boolean {
    const asked = this.asked.get(id);
    if (!asked) return false;
    this.asked.delete(id);
    if (error) asked.reject(new Error(error.message));
    else asked.resolve(result);
    return true;
  }
}
