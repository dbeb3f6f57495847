/** What differs between one agent's Codex and another's. */
export type AgentCodexConfig = {
  model: string;
  /** The gateway as the agent reaches it; Codex sends no credentials there. */
  baseUrl: string;
  /** Directories whose own `.codex` settings must not be trusted. */
  untrusted: string[];
  /** Further variables of the agent's commands, beside those that every agent has. */
  environment?: Readonly<Record<string, string>> | undefined;
};

/** Parts of Codex that a headless agent has no use for; switching them off saves about 10 ms a turn. */
const UNUSED_FEATURES = [
  'plugins',
  'apps',
  'remote_plugin',
  'shell_snapshot',
  'multi_agent',
  'goals',
  'hooks',
  'skill_search',
  'skill_mcp_dependency_install',
  'tool_suggest',
  'browser_use',
  'computer_use',
  'image_generation',
  'in_app_browser',
  'workspace_dependencies',
  'plugin_sharing',
  'guardian_approval',
  'sleep_tool',
  'system_proxy_fallback',
  'api_key_model_discovery',
  'enable_request_compression',
  'unbounded_connection_retries',
];

const quoted = (text: string): string => JSON.stringify(text);

/** What the agent's git is told, whatever the repository says. */
const gitSettings = ({ baseUrl }: AgentCodexConfig): [key: string, value: string][] => [
  // With GIT_OPTIONAL_LOCKS: looking, such as `git status` and `git diff`, writes nothing into .git.
  ['diff.autoRefreshIndex', 'false'],
  // The only way to a host is the gateway.
  [`url.${baseUrl.replace(/\/v1$/, '/git/')}.insteadOf`, 'https://'],
];

/** The environment of the agent's commands, beyond the few that Codex hands on. */
function variables(config: AgentCodexConfig): [name: string, value: string][] {
  const settings = gitSettings(config);
  const pairs = settings.flatMap(([key, value], at): [string, string][] => [[`GIT_CONFIG_KEY_${at}`, key], [`GIT_CONFIG_VALUE_${at}`, value]]);
  return [['GIT_OPTIONAL_LOCKS', '0'], ['GIT_CONFIG_COUNT', String(settings.length)], ...pairs, ...Object.entries(config.environment ?? {})];
}

/**
 * The `config.toml` of an agent. Everything that Codex could ask home for is off, its model is the gateway,
 * and the shell gets a clean environment.
 */
export function renderAgentConfig(config: AgentCodexConfig): string {
  return [
    `model = ${quoted(config.model)}`,
    'model_provider = "gateway"',
    'approval_policy = "never"',
    'check_for_update_on_startup = false',
    'allow_login_shell = false',
    '',
    '[analytics]',
    'enabled = false',
    '',
    '[shell_environment_policy]',
    'inherit = "core"',
    `set = { ${variables(config).map(([name, value]) => `${name} = ${quoted(value)}`).join(', ')} }`,
    '',
    '[features]',
    ...UNUSED_FEATURES.map((feature) => `${feature} = false`),
    '',
    '[model_providers.gateway]',
    'name = "codex-mcp gateway"',
    `base_url = ${quoted(config.baseUrl)}`,
    'wire_api = "responses"',
    'request_max_retries = 3',
    'stream_max_retries = 3',
    'stream_idle_timeout_ms = 300000',
    '',
    ...config.untrusted.flatMap((directory) => [`[projects.${quoted(directory)}]`, 'trust_level = "untrusted"', '']),
  ].join('\n');
}

/** Codex's names of the places where a turn's commands and patches are carried out. */
export const EVERYTHING_ENVIRONMENT = 'local';
export const READ_ONLY_ENVIRONMENT = 'read-only';

/**
 * The `environments.toml` of an agent: a second place for turns, beside Codex's own, in which `holder` lets no file be changed.
 * None is the default: threads have no place, or Codex would start both with each thread; each turn names its own.
 */
export function renderAgentEnvironments(holder: string, cwd: string): string {
  return [
    'default = "none"',
    '',
    '[[environments]]',
    `id = ${quoted(READ_ONLY_ENVIRONMENT)}`,
    `program = ${quoted(holder)}`,
    'args = ["codex", "exec-server", "--listen", "stdio"]',
    `cwd = ${quoted(cwd)}`,
    '',
  ].join('\n');
}
