import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect, it } from '@jest/globals';

const BUILT = new URL('../dist/index.js', import.meta.url).href;

/** A process that is ended on signals with `close`; what it says and its exit code, after `signals`. */
async function end(close: string, timeoutMs: number, ...signals: NodeJS.Signals[]): Promise<{ code: unknown; lines: string[] }> {
  const script = `import { createLogger, endOnSignals } from '${BUILT}';
    endOnSignals(async () => { ${close} }, ${timeoutMs}, createLogger('test', 'info'));
    setInterval(() => undefined, 1000);
    console.log('ready');`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], { env: {}, stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  const ended = once(child, 'close');
  for await (const line of createInterface(child.stdout)) {
    lines.push(line);
    if (line === 'ready' || line.startsWith('closing')) child.kill(signals.shift());
  }
  return { code: (await ended)[0], lines };
}

it.each(['SIGTERM', 'SIGINT'] as const)('%s closes what there is and ends the process in order', async (signal) => {
  expect(await end("console.log('closed')", 60_000, signal)).toEqual({ code: 0, lines: ['ready', 'closed'] });
});

it('what does not close ends all the same, and says so', async () => {
  const { code, lines } = await end('await new Promise(() => undefined)', 50, 'SIGTERM');
  expect(code).toBe(1);
  expect(JSON.parse(lines[1] ?? '')).toMatchObject({ op: 'process.stop', signal: 'SIGTERM', err: { message: 'not closed within 0.05 s' } });
});

it('what fails to close is told', async () => {
  const { code, lines } = await end("throw new Error('no way')", 60_000, 'SIGTERM');
  expect(code).toBe(1);
  expect(lines[1]).toContain('no way');
});

it('a launcher’s signal after that of the terminal does not close twice', async () => {
  const { code, lines } = await end("console.log('closing'); await new Promise((resolve) => process.once('SIGTERM', () => setImmediate(resolve)))", 60_000, 'SIGINT', 'SIGTERM');
  expect({ code, lines }).toEqual({ code: 0, lines: ['ready', 'closing'] });
});
