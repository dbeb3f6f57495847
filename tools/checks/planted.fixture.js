// @ts-check
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A tree of files by path; objects are written as JSON. @typedef {Record<string, string | object>} Tree */

/**
 * Writes a small source tree to a temporary folder, hands it to `use`, and removes it whatever happens.
 * @template T
 * @param {Tree} tree
 * @param {(root: string) => T} use
 * @returns {T}
 */
export function withTree(tree, use) {
  const root = mkdtempSync(join(tmpdir(), 'codex-mcp-check-'));
  try {
    for (const [file, content] of Object.entries(tree)) {
      mkdirSync(dirname(join(root, file)), { recursive: true });
      writeFileSync(join(root, file), typeof content === 'string' ? content : JSON.stringify(content));
    }
    return use(root);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
