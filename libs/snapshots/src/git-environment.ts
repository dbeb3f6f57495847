/** Nothing of the user's configuration, no hook, no filter, no helper runs in a command of ours. */
const SETTINGS: Record<string, string> = {
  'core.fsmonitor': 'false',
  'core.hooksPath': '/dev/null',
  'core.quotePath': 'false',
  'core.autocrlf': 'false',
  'core.safecrlf': 'false',
  'core.attributesFile': '/dev/null',
  'core.looseCompression': '1',
  'gc.auto': '0',
  'safe.directory': '*',
};

const IDENTITY = { GIT_AUTHOR_NAME: 'codex-mcp', GIT_AUTHOR_EMAIL: 'agent@codex-mcp.invalid', GIT_COMMITTER_NAME: 'codex-mcp', GIT_COMMITTER_EMAIL: 'agent@codex-mcp.invalid' };

/** `source`: the directory that `cwd` is a copy of, if it is one. */
export type TreePlace = { cwd: string; source?: string | undefined };

/** The environment of git commands that keep states of `cwd` as trees in a repository of ours. */
export function gitEnvironment(gitDir: string, { cwd, source }: TreePlace): Record<string, string> {
  // Patterns only, which cannot run anything.
  const all = { ...SETTINGS, 'core.excludesFile': `${source ?? cwd}/.git/info/exclude` };
  const settings = Object.entries(all).flatMap(([key, value], at) => [
    [`GIT_CONFIG_KEY_${at}`, key],
    [`GIT_CONFIG_VALUE_${at}`, value],
  ]);
  return {
    GIT_DIR: gitDir,
    GIT_WORK_TREE: cwd,
    GIT_INDEX_FILE: `${gitDir}/index`,
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_SYSTEM: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    ...IDENTITY,
    GIT_CONFIG_COUNT: String(Object.keys(all).length),
    ...(Object.fromEntries(settings) as Record<string, string>),
  };
}
