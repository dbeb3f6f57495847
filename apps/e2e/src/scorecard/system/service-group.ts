import { serviceMemory } from '@codex-mcp/config';
import { entryOf, type Environment, LaunchedProcess } from '../../stack/launched.process.js';

const CREDENTIALS = 'OPENAI_API_KEY';
const STOP_TIMEOUT_MS = 15_000;

/** One service, as the launcher starts it; remembers whether it was told to end. */
export class Service extends LaunchedProcess {
  wasEnded = false;

  constructor(
    readonly app: string,
    entry: string,
    { env, cwd }: { env: Environment; cwd: string },
  ) {
    const memory = serviceMemory(app);
    super([...memory.flags, entry], { env: { ...memory.env, ...env }, cwd });
  }

  override signal(signal: NodeJS.Signals): void {
    this.wasEnded ||= signal === 'SIGKILL' || signal === 'SIGTERM';
    super.signal(signal);
  }

  /** In order first, by force where that takes too long. */
  async end(): Promise<void> {
    if (!this.isRunning) return;
    this.signal('SIGTERM');
    this.signal('SIGCONT');
    const timer = setTimeout(() => this.signal('SIGKILL'), STOP_TIMEOUT_MS);
    await this.exit();
    clearTimeout(timer);
  }
}

/** The services that were started from one tree. */
export class ServiceGroup {
  private readonly members: Service[] = [];

  constructor(
    private readonly root: string,
    private readonly cwd: string,
    private readonly env: Environment,
  ) {}

  launch(app: string, added: Environment): Service {
    const { [CREDENTIALS]: credentials, ...shared } = { ...this.env, ...added };
    const env = app === 'gateway' ? { ...shared, [CREDENTIALS]: credentials } : shared;
    const started = new Service(app, entryOf(app, this.root), { env, cwd: this.cwd });
    this.members.push(started);
    return started;
  }

  running(app: string): Service[] {
    return this.members.filter((member) => member.app === app && member.isRunning);
  }

  /** What ended although nobody ended it, with its last words. */
  get fallen(): string[] {
    const ended = this.members.filter(({ isRunning, wasEnded }) => !isRunning && !wasEnded);
    return ended.map(({ app, output }) => `${app} ended by itself: ${output.slice(-300)}`);
  }

  async endAll(): Promise<void> {
    for (const app of ['mcp-edge', 'worker', 'supervisor', 'gateway']) await Promise.all(this.running(app).map((member) => member.end()));
  }
}
