/** Another worker has this turn now: nothing may be done to it from here. */
export class TakenOverError extends Error {
  override readonly name = 'TakenOverError';

  constructor() {
    super('Another worker has taken this turn over.');
  }
}
