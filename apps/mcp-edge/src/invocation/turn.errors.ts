import { AppError } from '@codex-mcp/contracts';

/** An error of a turn that was accepted: its caller can still look the turn up. */
export class TurnError extends AppError {
  constructor(
    readonly turnId: string,
    { code, message, detail }: AppError,
  ) {
    super(code, message, detail === undefined ? {} : { detail });
  }
}

/** The turn that an error belongs to, if any. */
export const turnIdOf = (error: unknown): string | undefined => (error instanceof TurnError ? error.turnId : undefined);
