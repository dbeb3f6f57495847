import { runScorecard } from '../scorecard/run-scorecard.js';
import { ALL_ROWS } from './rows/all-rows.js';
import { runRow, scoreOf } from './run-row.js';
import { SharedSystems } from './shared-systems.js';

const shared = new SharedSystems();

await runScorecard({ command: 'security', rows: ALL_ROWS, play: async (row, options, cleanUp) => scoreOf(await runRow(row, options, cleanUp, shared)) });
