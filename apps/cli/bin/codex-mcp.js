#!/usr/bin/env node
// What npm links as `codex-mcp`: there before the build, which makes no file executable.
import { existsSync } from 'node:fs';

if (existsSync(new URL('../dist/main.js', import.meta.url))) await import('../dist/main.js');
else {
  process.stderr.write('codex-mcp is not built yet: run `npm start`, or `npm run build`, in its directory first.\n');
  process.exitCode = 78;
}
