import { chownSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';

const FILE = /^lock\.(\d+)$/;
const POLL_MS = 25;
/** So many generations stay, so that a slow reader of the directory always sees one. */
const KEPT = 8;

const Content = z.discriminatedUnion('state', [z.object({ state: z.literal('held'), place: z.string(), pid: z.number() }), z.object({ state: z.literal('free') })]);

export type LockTimes = {
  /** How long to wait for the lock before it throws. */
  waitMs: number;
  /** After so long without a new holder, a holder that cannot be asked counts as dead. Longer than any work under the lock. */
  leaseMs: number;
};

export type HeldLock = { /** False after another process took the lock over. */ isHeld: () => boolean };

export class LockTimeoutError extends Error {
  override readonly name = 'LockTimeoutError';
}

/**
 * Runs `work` while no other process does so with this directory, whichever container or host it is in.
 *
 * Node has no flock, and a lock file that is deleted and made again can be taken twice by two who both saw a dead
 * holder. So a lock is never made again: each holder makes the file of the next generation, which O_EXCL allows to
 * one only, and the highest generation counts. No clocks are compared: a waiter measures the lease itself.
 */
export async function withFileLock<Result>(directory: string, { waitMs, leaseMs }: LockTimes, work: (lock: HeldLock) => Promise<Result>): Promise<Result> {
  makeDirectory(directory);
  const generation = await acquire(directory, performance.now() + waitMs, leaseMs);
  try {
    return await work({ isHeld: () => highestIn(directory) === generation });
  } finally {
    writeFileSync(pathOf(directory, generation), JSON.stringify({ state: 'free' }));
  }
}

/** Root makes it for the owner of the directory that it is in, who is to have a way in. */
function makeDirectory(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const { uid, gid } = statSync(dirname(directory));
  if (process.getuid?.() === 0 && uid !== 0) chownSync(directory, uid, gid);
}

async function acquire(directory: string, deadlineMs: number, leaseMs: number): Promise<number> {
  let seen = { generation: -1, sinceMs: 0 };
  for (;;) {
    const highest = highestIn(directory);
    const now = performance.now();
    if (highest !== seen.generation) seen = { generation: highest, sinceMs: now };
    if (highest === 0 || isOver(pathOf(directory, highest)) || now - seen.sinceMs >= leaseMs) {
      if (take(directory, highest + 1)) return highest + 1;
      continue;
    }
    if (now >= deadlineMs) throw new LockTimeoutError(`${directory} stayed locked by another process`);
    await delay(POLL_MS);
  }
}

function take(directory: string, generation: number): boolean {
  const path = pathOf(directory, generation);
  try {
    writeFileSync(path, JSON.stringify({ state: 'held', place: PLACE, pid: process.pid }), { flag: 'wx', mode: 0o644 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
  // Whoever saw an old state of the directory may have made the file of a generation that is long over.
  if (highestIn(directory) !== generation) {
    rmSync(path, { force: true });
    return false;
  }
  for (const old of generationsIn(directory)) if (old <= generation - KEPT) rmSync(pathOf(directory, old), { force: true });
  return true;
}

/** Free, or its holder was a process of this place that is gone. */
function isOver(path: string): boolean {
  const content = Content.safeParse(readJson(path)).data;
  if (!content) return false; // being written, or its generation is over
  return content.state === 'free' || (content.place === PLACE && !isAlive(content.pid));
}

function isAlive(pid: number): boolean {
  if (pid === process.pid) return true;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

const pathOf = (directory: string, generation: number): string => join(directory, `lock.${generation}`);

const generationsIn = (directory: string): number[] => readdirSync(directory).flatMap((name) => FILE.exec(name)?.[1] ?? []).map(Number);

const highestIn = (directory: string): number => Math.max(0, ...generationsIn(directory));

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

/** Where a pid means the same process: the running kernel and its pid namespace; elsewhere than on Linux, the host. */
const PLACE = (() => {
  try {
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
  }
})();
