import { runScorecard } from '../scorecard/run-scorecard.js';
import { scoreOf } from './report.js';
import { ALL_ROWS } from './rows/all-rows.js';
import { runRow } from './run-row.js';

await runScorecard({ command: 'chaos', rows: ALL_ROWS, play: async (row, options, cleanUp) => scoreOf(await runRow(row, options, cleanUp)) });
