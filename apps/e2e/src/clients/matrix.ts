import { join } from 'node:path';
import { mkdir } from 'node:fs/promises';
import { CHECKING, type Scene } from './checks.js';
import type { Installation } from './installation.js';
import { type Check, CHECKS, NotOffered, type Subject } from './subject.js';
import { Wire } from './wire.js';

export type Result = { readonly subject: string; readonly check: Check; readonly outcome: 'pass' | 'fail' | 'not offered'; readonly detail: string };

type Options = {
  readonly url: string;
  readonly directory: string;
  readonly checks: readonly Check[];
  readonly installed: () => Installation;
  readonly tell: (result: Result) => void;
};

/** All checks of one client, one after the other, but for the long one, which runs beside the others in a client of its own. */
export async function checkSubject(subject: Subject, options: Options): Promise<Result[]> {
  const long = (check: Check) => check === 'survives 90 s';
  const runs = [options.checks.filter((check) => !long(check)), options.checks.filter(long)].filter((checks) => checks.length > 0);
  return (await Promise.all(runs.map((checks, index) => withClient(subject, index, checks, options)))).flat();
}

async function withClient(subject: Subject, run: number, checks: readonly Check[], { url, directory, installed, tell }: Options): Promise<Result[]> {
  const agentId = `${subject.name.replace(/\W+/g, '-')}-${run}`;
  const place = { wire: await Wire.to(url), home: join(directory, agentId) };
  await mkdir(place.home, { recursive: true });
  const results: Result[] = [];
  const note = (check: Check, outcome: Result['outcome'], detail: string) => {
    const result = { subject: subject.name, check, outcome, detail };
    results.push(result);
    tell(result);
  };
  let scene: Scene | undefined;
  try {
    const client = await subject.open(place, installed);
    scene = { client, place, url, agentId };
    for (const check of checks) {
      await CHECKING[check](scene).then(
        (detail) => note(check, 'pass', detail),
        (error: unknown) => note(check, error instanceof NotOffered ? 'not offered' : 'fail', messageOf(error)),
      );
    }
  } catch (error) {
    for (const check of checks) note(check, 'fail', `it could not be started: ${messageOf(error)}`);
  } finally {
    await scene?.client.close().catch(() => undefined);
    await place.wire.close();
  }
  return results.toSorted((a, b) => CHECKS.indexOf(a.check) - CHECKS.indexOf(b.check));
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ').slice(0, 300);
