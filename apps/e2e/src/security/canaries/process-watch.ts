import { readdirSync, readFileSync } from 'node:fs';
import { appOf } from './canary.js';
import type { Search } from './search.js';

const INTERVAL_MS = 25;
/** A process is looked at so often: what it runs may change once after its start. */
const LOOKS = 6;

/** Looks at the arguments and the environment of every process of this machine, also of those that live shortly. */
export class ProcessWatch {
  private readonly looks = new Map<string, number>();
  private readonly timer = setInterval(() => this.look(), INTERVAL_MS);

  constructor(private readonly search: Search) {}

  stop(): void {
    clearInterval(this.timer);
    this.look();
  }

  private look(): void {
    const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    for (const pid of pids) if ((this.looks.get(pid) ?? 0) < LOOKS) this.lookAt(pid);
    for (const pid of this.looks.keys()) if (!pids.includes(pid)) this.looks.delete(pid);
  }

  private lookAt(pid: string): void {
    this.looks.set(pid, (this.looks.get(pid) ?? 0) + 1);
    const command = readOf(pid, 'cmdline');
    const environment = readOf(pid, 'environ');
    // Between its fork and its exec a child has what its parent has.
    if (command === '' || readOf(pid, 'cmdline') !== command) return;
    const name = command.replaceAll('\0', ' ').trim().slice(0, 120);
    this.search.look(`the arguments of ${name}`, command);
    const app = appOf(command);
    this.search.look(`the environment of ${name}`, environment, ({ environments }) => app !== undefined && environments.includes(app));
  }
}

function readOf(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return ''; // it has ended, or is of somebody else's
  }
}
