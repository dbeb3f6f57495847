import { AppError } from '@codex-mcp/contracts';
import type { ChangeTarget, NamedChange } from '@codex-mcp/tools';
import { FIND_CHANGE, WRITE_DIFF } from './named-change.script.js';
import type { ShadowRepository } from './shadow-repository.js';
import { diffTrees, type Trees } from './workspace-diff.js';

/** A longer diff is in a file, and the prompt has what fits: more would leave no room for the arguments. */
const PROMPT_DIFF_BYTES = 32 * 1024;

/** A change that a call named: its trees, in a repository that has their objects, and what the prompt says of it. */
export type FoundChange = { repository: ShadowRepository; trees: Trees; described: NamedChange };

/**
 * Finds a change in the user's repository. For one turn it is always the same, whatever has happened to the workspace
 * since. Throws `invalid_arguments` with what there is, where the repository has no such change.
 */
export async function findChange(shadow: ShadowRepository, target: ChangeTarget, turnId: string): Promise<FoundChange> {
  const name = 'name' in target ? target.name : '';
  const facts = factsIn(await shadow.shell(FIND_CHANGE, [turnId, target.kind, name]));
  const [from, to, objects] = ['from', 'to', 'objects'].map((key) => facts.get(key)?.[0]);
  if (!from || !to || !objects) throw new AppError('invalid_arguments', nothingFound(facts, target));
  const repository = shadow.withObjects(objects);
  const { files, diff, truncated } = await diffTrees(repository, { from, to }, [], PROMPT_DIFF_BYTES);
  const described = {
    compared: compared(target, facts.get('start')?.[0]),
    files,
    diff,
    ...(truncated && { diffPath: (await repository.shell(WRITE_DIFF, [from, to, turnId])).trim() }),
  };
  return { repository, trees: { from, to }, described };
}

/** Lines of a word and the rest. */
function factsIn(output: string): Map<string, string[]> {
  const facts = new Map<string, string[]>();
  for (const line of output.split('\n')) {
    const [, key = '', value = ''] = /^(\w+) (.*)$/.exec(line) ?? [];
    facts.set(key, [...(facts.get(key) ?? []), value]);
  }
  return facts;
}

function compared(target: ChangeTarget, start: string | undefined): string {
  const at = start?.slice(0, 10) ?? '';
  if (target.kind === 'commit') return `Commit ${at}`;
  if (target.kind === 'branch') return `All since ${at}, where the workspace left ${target.name}, uncommitted changes included`;
  return at === '' ? 'All files, as nothing is committed yet' : `The uncommitted changes since ${at}`;
}

function nothingFound(facts: Map<string, string[]>, target: ChangeTarget): string {
  const name = 'name' in target ? target.name : '';
  const branches = facts.get('branch')?.join(', ') ?? 'none';
  const commits = facts.get('commit')?.join('; ') ?? 'none';
  const there = `There are the branches ${branches}, and as the latest commits: ${commits}.`;
  switch (facts.get('missing')?.[0]) {
    case 'repository':
      return 'The workspace is not a git repository, so it has no such change. Name files, or give the code or a diff as content.';
    case 'branch':
      return `There is no branch "${name}" to compare with. ${there}`;
    case 'ancestor':
      return `The workspace and "${name}" have no commit in common. ${there}`;
    case 'commit':
      return `There is no commit "${name}". ${there}`;
    case 'parent':
      return `What is before commit "${name}" is not in this shallow clone, so it cannot be compared. ${there}`;
    default:
      return `Nothing has changed there. ${there}`;
  }
}
