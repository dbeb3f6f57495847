/** What has to be ended, in the opposite order of its start. */
export class CleanUp {
  private readonly steps: (() => unknown)[] = [];

  add<T>(subject: T, end: (subject: T) => unknown): T {
    this.steps.push(() => end(subject));
    return subject;
  }

  /** Runs all steps, also after one failed; rejects with the first failure. Harmless when repeated. */
  async run(): Promise<void> {
    const failures: unknown[] = [];
    for (const step of this.steps.splice(0).toReversed()) {
      try {
        await step();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}
