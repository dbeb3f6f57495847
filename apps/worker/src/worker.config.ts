import { choice, consumerFields, count, envelopeFields, loadConfig, retentionFields, seconds, serviceFields, textWithDefault } from '@codex-mcp/config';
import { modelPricesField } from '@codex-mcp/prices';
import { z } from 'zod';

export const WorkerConfig = z.object({
  ...serviceFields,
  ...consumerFields,
  ...retentionFields,
  ...envelopeFields,
  CODEX_MODEL: textWithDefault('gpt-6.1-sol').describe('Model of turns that do not name one'),
  MODEL_PRICES_FILE: modelPricesField(),
  WORKER_CONCURRENCY: count(50).describe('Turns that one worker runs at the same time'),
  TURN_TIMEOUT: seconds(3600).describe('Seconds after which a turn is stopped, where the call names no timeout_s'),
  TURN_IDLE_TIMEOUT: seconds(1800).describe('Seconds without a sign of life from Codex after which a turn is stopped'),
  TEST_TIMEOUT: seconds(600).describe('Seconds that the test_command of a call may take, within the time of its turn'),
  CODEX_APPROVAL_MODE: choice(['auto', 'suggest', 'manual'], 'auto').describe('What Codex asks before it acts: nothing (auto), what it holds to be dangerous or beyond its sandbox (suggest), or every command and change (manual); a call may ask for more with approval_mode'),
  APPROVAL_TIMEOUT: seconds(300).describe('Seconds that an approval waits for its answer, at most four fifths of what the turn has left'),
  APPROVAL_DEFAULT: choice(['decline', 'cancel'], 'decline').describe('What counts where nobody answers: decline, and Codex goes on without, or cancel, which ends the turn'),
  RPC_TIMEOUT: seconds(15).describe('Seconds that Codex may take to answer a request of the protocol'),
  AGENT_START_TIMEOUT: seconds(60).describe('Seconds that a supervisor may take to start an agent'),
  SHUTDOWN_TIMEOUT: seconds(10).describe('Seconds that running turns get at shutdown before another worker takes them over'),
});
export type WorkerConfig = z.output<typeof WorkerConfig>;

export const loadWorkerConfig = (env: Record<string, string | undefined>): WorkerConfig => loadConfig(WorkerConfig, env);
