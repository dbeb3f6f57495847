import type { RuntimeName } from '@codex-mcp/contracts';
import type { Stack } from '../stack/stack.fixture.js';
import type { BenchOptions } from './bench.options.js';
import type { CleanUp } from './clean-up.js';

/** The running product under measurement, and where a section leaves what it has started. */
export type System = { readonly stack: Stack; readonly runtime: RuntimeName; readonly options: BenchOptions; readonly cleanUp: CleanUp };
