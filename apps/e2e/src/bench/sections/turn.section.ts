import { PROMPTS } from '../bench.model.js';
import { interleave } from '../interleave.js';
import { median, type Row, type Section } from '../result.js';
import type { Lineup } from '../subjects/lineup.js';
import type { BenchOptions } from '../bench.options.js';

const RAW = 'raw app-server';
const EXEC = 'codex exec --json';
const DIRECT = 'agent’s app-server and gateway alone';

const MAX_TO_RAW = 1.35;
const MAX_TO_EXEC = 0.4;
const MAX_FIRST_TEXT_LAG_MS = 10;

/** A warm turn of a model that answers at once: what the system adds to Codex's own work. */
export async function measureWarmTurns({ raw, direct, http, sse, exec }: Lineup, options: BenchOptions): Promise<Section> {
  const prompt = PROMPTS.instant;
  const samples = await interleave(
    {
      raw: async () => (await raw.turn(prompt)).totalMs,
      direct: async () => (await direct.turn(prompt)).totalMs,
      http: async () => (await http.turn(prompt)).totalMs,
      sse: async () => (await sse.turn(prompt)).totalMs,
      exec: () => exec.turn(prompt),
    },
    options,
  );
  const rows: Row[] = [
    { label: RAW, samples: samples.raw },
    { label: DIRECT, samples: samples.direct, comparedTo: [RAW] },
    { label: 'whole system over /mcp', samples: samples.http, comparedTo: [RAW, EXEC] },
    { label: 'whole system over /sse', samples: samples.sse, comparedTo: [RAW, EXEC] },
    { label: EXEC, samples: samples.exec, comparedTo: [RAW] },
  ];
  const checks = (['http', 'sse'] as const).flatMap((name) => {
    const path = name === 'http' ? '/mcp' : '/sse';
    return [
      { target: `${path} to raw`, limit: MAX_TO_RAW, measured: median(samples[name]) / median(samples.raw), unit: '×' as const },
      { target: `${path} to codex exec`, limit: MAX_TO_EXEC, measured: median(samples[name]) / median(samples.exec), unit: '×' as const },
    ];
  });
  // Medians of a busy machine say how busy it was; the fastest turns of each side were disturbed least.
  const fastest = (name: 'http' | 'sse') => (Math.min(...samples[name]) / Math.min(...samples.raw)).toFixed(2);
  const notes = [`fastest turn to fastest raw turn: /mcp ${fastest('http')}×, /sse ${fastest('sse')}×`];
  return { title: 'Warm chat turn, instant model', unit: 'ms', rows, checks, notes };
}

/** From the call to the first words of a streamed answer in the client's hands. */
export async function measureFirstText({ raw, direct, http, sse }: Lineup, options: BenchOptions): Promise<Section> {
  const prompt = PROMPTS.streamed;
  const samples = await interleave(
    {
      raw: async () => (await raw.turn(prompt)).firstTextMs,
      direct: async () => (await direct.turn(prompt)).firstTextMs,
      http: async () => (await http.turn(prompt)).firstTextMs,
      sse: async () => (await sse.turn(prompt)).firstTextMs,
    },
    options,
  );
  const rows: Row[] = [
    { label: RAW, samples: samples.raw },
    { label: DIRECT, samples: samples.direct, comparedTo: [RAW] },
    { label: 'progress over /mcp', samples: samples.http, comparedTo: [RAW] },
    { label: 'progress over /sse', samples: samples.sse, comparedTo: [RAW] },
  ];
  const lag = (values: number[]) => median(values) - median(samples.raw);
  const checks = [
    { target: '/mcp behind raw', limit: MAX_FIRST_TEXT_LAG_MS, measured: lag(samples.http), unit: 'ms' as const },
    { target: '/sse behind raw', limit: MAX_FIRST_TEXT_LAG_MS, measured: lag(samples.sse), unit: 'ms' as const },
  ];
  return { title: 'First words of a streamed answer', unit: 'ms', rows, checks };
}
