import { writeFile } from 'node:fs/promises';
import { temporaryDirectory } from '@codex-mcp/testing';
import { z } from 'zod';
import { startStack } from '../stack/stack.fixture.js';
import { startBenchModel } from './bench.model.js';
import { type BenchOptions, readOptions, type SectionName, USAGE } from './bench.options.js';
import { CleanUp } from '../stack/clean-up.js';
import { contention, describeMachine, machineLine } from './machine.js';
import { formatSection, toJson } from './report.js';
import type { Section } from './result.js';
import { measureColdStarts } from './sections/cold-start.section.js';
import { measureEdgeCpu } from './sections/edge-cpu.section.js';
import { measureGateway } from './sections/gateway.section.js';
import { measureGuarantee } from './sections/guarantee.section.js';
import { measureIdleSessions } from './sections/idle-sessions.section.js';
import { measureIdleMemory } from './sections/memory.section.js';
import { measureParallelTurns } from './sections/parallel.section.js';
import { measureStreaming } from './sections/streaming.section.js';
import { measureFirstText, measureWarmTurns } from './sections/turn.section.js';
import { measureWorkspaces } from './sections/workspace.section.js';
import { type Lineup, openLineup } from './subjects/lineup.js';
import type { System } from './system.js';

/** Rounds of a long run start more agents than a host runs by default, and stopping one to make room would be measured. */
const MAX_AGENTS = '200';

async function run(options: BenchOptions): Promise<void> {
  const cleanUp = new CleanUp();
  const interruption = new Promise<never>((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => reject(new Interruption(signal)));
  });
  try {
    await Promise.race([measure(options, cleanUp), interruption]);
  } finally {
    await cleanUp.run();
  }
}

class Interruption extends Error {}

async function measure(options: BenchOptions, cleanUp: CleanUp): Promise<void> {
  const machine = describeMachine(options.runtime);
  const warning = contention(); // before this run makes load of its own
  console.log(`${machineLine(machine)}\n${warning === undefined ? '' : `${warning}\n`}`);
  const fake = cleanUp.add(await startBenchModel(), (model) => model.close());
  const roots = cleanUp.add(await temporaryDirectory(), (directory) => directory.remove());
  const stack = cleanUp.add(await startStack({ runtime: options.runtime, fake, env: { MAX_CONCURRENT_SESSIONS: MAX_AGENTS, WORKSPACE_ROOTS: roots.path } }), (running) => running.stop());
  const sections: Section[] = [];
  for await (const section of measureSections({ stack, runtime: options.runtime, roots: roots.path, options, cleanUp })) {
    console.log(formatSection(section));
    sections.push(section);
  }
  if (options.jsonFile !== undefined) await writeFile(options.jsonFile, toJson(machine, sections));
}

async function* measureSections(system: System): AsyncGenerator<Section> {
  let lineup: Lineup | undefined;
  const opened = async () => (lineup ??= await openLineup(system));
  const measurements: Record<SectionName, () => Promise<Section | Section[] | undefined>> = {
    memory: () => measureIdleMemory(system),
    warm: async () => measureWarmTurns(await opened(), system.options),
    delta: async () => measureFirstText(await opened(), system.options),
    parallel: () => measureParallelTurns(system),
    cold: () => measureColdStarts(system),
    workspace: () => measureWorkspaces(system),
    guarantee: () => measureGuarantee(system),
    'edge-cpu': () => measureEdgeCpu(system),
    streaming: () => measureStreaming(system),
    sessions: () => measureIdleSessions(system),
    gateway: () => measureGateway(system),
  };
  for (const name of system.options.sections) {
    const measured = await measurements[name]();
    if (measured) yield* [measured].flat();
  }
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options.help) console.log(USAGE);
  else await run(options);
} catch (error) {
  const forUser = error instanceof z.ZodError ? z.prettifyError(error) : error instanceof TypeError || error instanceof Interruption ? error.message : undefined;
  console.error(forUser ?? error);
  process.exitCode = 1;
}
