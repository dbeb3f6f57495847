import { canarySweepRow } from './canary-sweep.row.js';
import { egressRow } from './egress.row.js';
import { foreignRequestsRow } from './foreign-requests.row.js';
import { hostileRepositoryRow } from './hostile-repository.row.js';
import { isolationRow } from './isolation.row.js';
import { noisyNeighbourRow } from './noisy-neighbour.row.js';
import { refreshStormRow } from './refresh-storm.row.js';
import { payloadFuzzRow } from './payload-fuzz.row.js';
import type { Row } from './row.js';
import { slowReadersRow } from './slow-readers.row.js';

/** The longest first: rows that run side by side then end at about the same time. */
export const ALL_ROWS: readonly Row[] = [
  refreshStormRow,
  canarySweepRow,
  hostileRepositoryRow,
  noisyNeighbourRow,
  egressRow,
  isolationRow,
  foreignRequestsRow,
  slowReadersRow,
  payloadFuzzRow,
];
