import type { RuntimeName } from '@codex-mcp/contracts';
import type { Stack } from '../stack/stack.fixture.js';
import type { BenchOptions } from './bench.options.js';
import type { CleanUp } from '../stack/clean-up.js';

/** The running product under measurement, a directory that its workspaces may be in, and where a section leaves what it has started. */
export type System = { readonly stack: Stack; readonly runtime: RuntimeName; readonly roots: string; readonly options: BenchOptions; readonly cleanUp: CleanUp };
