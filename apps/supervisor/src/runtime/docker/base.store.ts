import { setTimeout as delay } from 'node:timers/promises';
import { DRIFTED_EXIT_CODE } from '@codex-mcp/snapshots';
import { type Logger, operation } from '@codex-mcp/observability';
import type Docker from 'dockerode';
import type { ContainerCreateOptions, ContainerInfo } from 'dockerode';
import { BASE_LABELS, baseName, type BaseSource, checkerSpec, keyOf, makerSpec } from './base-spec.js';
import { type ContainerLimits, LABELS } from './container-spec.js';
import { ignoreNotFound, isConflict } from './docker.errors.js';

/** An agent waits this long for the first base of its directory, and then gets a copy. */
const WAIT_MS = 25_000;
/** A making that takes longer is given up. */
const MAKING_MS = 15 * 60_000;
/** After one that failed, agents get copies for this long. */
const RETRY_MS = 10 * 60_000;
/** A base that no agent refers to is kept this long for the next one. */
const KEPT_MS = 24 * 60 * 60_000;
/** Whoever was given a base refers to it within this time. */
const LAYING_MS = 5 * 60_000;

type Base = { name: string; key: string; state: 'made' | 'making' | 'failed'; createdAtMs: number };

/**
 * Bases on this engine. The container that has filled a base's volume stays, ended: it says that the base is whole, and
 * the engine's own rules keep the volume as long as it is there. Whatever is cut short is no base.
 */
export class BaseStore {
  private readonly making = new Map<string, { sinceMs: number; done: Promise<void> }>();
  private readonly madeAtMs = new Map<string, number>();
  private readonly failedAtMs = new Map<string, number>();
  /** When each base was last given to somebody, by name. */
  private readonly usedAtMs = new Map<string, number>();
  private readonly unchecked = new Map<string, BaseSource>();

  constructor(
    private readonly docker: Docker,
    private readonly logger: Logger,
    private readonly limits: ContainerLimits,
  ) {}

  /** The volume of the newest base; the first one is made. Undefined where there is none in time. */
  async newest(source: BaseSource): Promise<string | undefined> {
    const key = keyOf(source);
    const name = (await this.find(key)) ?? (await this.first(source, key));
    if (name === undefined) return undefined;
    this.usedAtMs.set(name, Date.now());
    this.unchecked.set(name, source);
    return name;
  }

  /** Renews bases that have had their day, and removes those that nobody refers to. */
  async tidy(): Promise<void> {
    const sinceMs = Date.now();
    const bases = await this.list();
    const referred = await this.referredTo();
    for (const base of bases) if (this.isSettled(base, sinceMs) && this.isDone(base, bases) && !referred.has(base.name) && !this.isBeingLaid(base)) await this.remove(base.name);
    await this.removeOrphans(new Set([...bases.map(({ name }) => name), ...referred]));
    for (const [name, source] of this.unchecked) {
      this.unchecked.delete(name);
      if (bases.some((base) => base.name === name) && (await this.hasDrifted(name, source))) void this.make(source, keyOf(source)).catch(() => undefined);
    }
  }

  private async find(key: string): Promise<string | undefined> {
    return latest((await this.list(key)).filter(({ state }) => state === 'made'))?.name;
  }

  private async first(source: BaseSource, key: string): Promise<string | undefined> {
    if (Date.now() - (this.failedAtMs.get(key) ?? 0) < RETRY_MS) return undefined;
    const done = this.make(source, key).catch(() => undefined);
    const leftMs = (this.making.get(key)?.sinceMs ?? 0) + WAIT_MS - Date.now();
    await Promise.race([done, delay(Math.max(0, leftMs), undefined, { ref: false })]);
    return this.find(key);
  }

  /** One at a time for each source; rejects where it fails. */
  private make(source: BaseSource, key: string): Promise<void> {
    const under = this.making.get(key);
    if (under) return under.done;
    const done = operation(this.logger, 'base.make', { directory: source.directory }, () => this.build(source, key));
    this.making.set(key, { sinceMs: Date.now(), done });
    done.catch(() => this.failedAtMs.set(key, Date.now())).finally(() => {
      this.making.delete(key);
      this.madeAtMs.set(key, Date.now());
    });
    return done;
  }

  private async build(source: BaseSource, key: string): Promise<void> {
    // A supervisor that was killed has left it to the engine.
    const begun = latest((await this.list(key)).filter(({ state }) => state === 'making'));
    const name = begun?.name ?? baseName(this.limits.deployment, key, Date.now());
    const code = begun ? await this.ended(name) : await this.run(makerSpec(name, source, this.limits));
    if (code === 0) return;
    const words = await this.docker.getContainer(name).logs({ stdout: false, stderr: true, tail: 5 });
    await this.remove(name);
    throw new Error(`git ended with ${code}: ${words.toString('utf8').replaceAll(/[^\n\x20-\x7e]/g, '').slice(-500)}`);
  }

  private async hasDrifted(name: string, source: BaseSource): Promise<boolean> {
    const checker = checkerSpec(name, source, this.limits);
    await this.discard(checker.name ?? ''); // one that a killed supervisor has left
    try {
      return (await this.run(checker)) === DRIFTED_EXIT_CODE;
    } finally {
      await this.discard(checker.name ?? '');
    }
  }

  private async run(spec: ContainerCreateOptions): Promise<number> {
    const container = await this.docker.createContainer(spec);
    await container.start();
    return this.ended(spec.name ?? '');
  }

  private async ended(name: string): Promise<number> {
    const { StatusCode } = (await this.docker.getContainer(name).wait()) as { StatusCode: number };
    return StatusCode;
  }

  private async list(key?: string): Promise<Base[]> {
    const filters = { label: [`${LABELS.deployment}=${this.limits.deployment}`, key === undefined ? BASE_LABELS.base : `${BASE_LABELS.base}=${key}`] };
    return (await this.docker.listContainers({ all: true, filters })).map((container) => toBase(container));
  }

  /** Bases that something of an agent's is laid over. */
  private async referredTo(): Promise<Set<string>> {
    const { Volumes } = await this.docker.listVolumes({ filters: { label: [`${LABELS.deployment}=${this.limits.deployment}`, LABELS.joinedBy] } });
    return new Set(Volumes.flatMap(({ Labels }) => Labels?.[LABELS.laidOver] ?? []));
  }

  /** Whether it will not be given to anybody any more. */
  private isDone(base: Base, all: Base[]): boolean {
    const age = Date.now() - base.createdAtMs;
    if (base.state === 'making') return age > MAKING_MS;
    if (base.state === 'failed') return true;
    return age > KEPT_MS || base !== latest(all.filter(({ key, state }) => key === base.key && state === 'made'));
  }

  /** Nobody has made one of its source since then, so that what was found is still so. */
  private isSettled({ key }: Base, sinceMs: number): boolean {
    return !this.making.has(key) && (this.madeAtMs.get(key) ?? 0) < sinceMs;
  }

  private isBeingLaid({ name }: Base): boolean {
    return Date.now() - (this.usedAtMs.get(name) ?? 0) < LAYING_MS;
  }

  /** Volumes of bases whose containers somebody has removed. */
  private async removeOrphans(kept: ReadonlySet<string>): Promise<void> {
    const { Volumes } = await this.docker.listVolumes({ filters: { label: [`${LABELS.deployment}=${this.limits.deployment}`, BASE_LABELS.base] } });
    // The engine keeps those of which there is a container after all.
    for (const { Name } of Volumes.filter((volume) => !kept.has(volume.Name))) {
      await this.docker.getVolume(Name).remove().catch((error: unknown) => (isConflict(error) ? undefined : ignoreNotFound(error)));
    }
  }

  private async remove(name: string): Promise<void> {
    await this.discard(name);
    await this.docker.getVolume(name).remove().catch(ignoreNotFound);
  }

  private async discard(name: string): Promise<void> {
    await this.docker.getContainer(name).remove({ force: true }).catch(ignoreNotFound);
  }
}

const latest = (bases: Base[]): Base | undefined => bases.toSorted((one, two) => one.name.localeCompare(two.name)).at(-1);

function toBase({ Names, Labels, State, Status, Created }: ContainerInfo): Base {
  const state = State === 'running' ? 'making' : State === 'exited' && Status.startsWith('Exited (0)') ? 'made' : 'failed';
  return { name: (Names[0] ?? '').slice(1), key: Labels[BASE_LABELS.base] ?? '', state, createdAtMs: Created * 1000 };
}
