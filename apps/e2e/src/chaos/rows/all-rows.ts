import { agentCrashRow } from './agent-crash.row.js';
import { ambiguousWriteRow } from './ambiguous-write.row.js';
import { edgeKillRow } from './edge-kill.row.js';
import { engineRestartRow } from './engine-restart.row.js';
import { frozenWorkerRow } from './frozen-worker.row.js';
import { modelFaultRow } from './model-fault.row.js';
import { redisOutageRow } from './redis-outage.row.js';
import { replayWindowRow } from './replay-window.row.js';
import { rollingRestartRow } from './rolling-restart.row.js';
import type { Row } from './row.js';
import { soakRow } from './soak.row.js';
import { supervisorKillRow } from './supervisor-kill.row.js';
import { workerKillRow } from './worker-kill.row.js';

/** The longest first: rows that run side by side then end at about the same time. */
export const ALL_ROWS: readonly Row[] = [
  workerKillRow,
  frozenWorkerRow,
  supervisorKillRow,
  replayWindowRow,
  redisOutageRow,
  agentCrashRow,
  modelFaultRow,
  edgeKillRow,
  engineRestartRow,
  rollingRestartRow,
  ambiguousWriteRow,
  soakRow,
];
