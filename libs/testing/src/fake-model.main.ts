import { parseArgs } from 'node:util';
import { type FakeModel, startFakeModel } from './fake-model/fake-model.server.js';

const { values } = parseArgs({
  options: { port: { type: 'string', default: '0' }, host: { type: 'string', default: '127.0.0.1' } },
});

try {
  announce(await startFakeModel({ port: Number(values.port), host: values.host }));
} catch (error) {
  process.stderr.write(`cannot listen on ${values.host}, port ${values.port}: ${String(error)}\n`);
  process.exitCode = 1;
}

function announce(fake: FakeModel): void {
  process.stdout.write(`${JSON.stringify({ url: fake.url, baseUrl: fake.baseUrl, port: fake.port })}\n`);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void fake.close());
}
