import { choice, consumerFields, count, defaultDataDir, envelopeFields, flag, hostFields, loadConfig, memorySize, optionalText, pathList, port, positive, seconds, serviceFields, textWithDefault } from '@codex-mcp/config';
import { z } from 'zod';
import { agentImages } from './runtime/docker/agent-images.js';

export const SupervisorConfig = z.object({
  ...serviceFields,
  ...consumerFields,
  ...hostFields,
  ...envelopeFields,
  DATA_DIR: textWithDefault(defaultDataDir()).describe('Where `npm start` keeps Redis’s data, logs and sockets, and agents without a container their files'),
  SUPERVISOR_BIND: textWithDefault('127.0.0.1').describe('Address that workers reach the relay at'),
  SUPERVISOR_PORT: port(0).describe('Port of the relay; 0 picks a free one'),
  SUPERVISOR_URL: optionalText().describe('URL of the relay as workers see it; default: bind and port'),
  DEPLOYMENT: textWithDefault('default').describe('Keeps two installations on one Docker engine apart'),
  AGENT_RUNTIME: choice(['auto', 'docker', 'process'], 'auto').describe('What hosts agents; auto: containers when an engine answers'),
  AGENT_CONTAINER_RUNTIME: optionalText().describe('Container runtime of the engine for agents, such as runsc (gVisor); without it, the engine’s default'),
  AGENT_IMAGE: textWithDefault('codex-mcp-agent:latest').describe('Image of agent containers'),
  AGENT_IMAGES: agentImages().describe('Images that a repository’s codex-mcp.json may choose by name, beside base: those that `npm run images` builds, and name=image:tag for others'),
  DEPENDENCY_CACHE: choice(['own', 'shared'], 'own').describe('shared: agents of one tenant that work on the same host directory share one cache of package managers, and can change what the others install from it; own: each has its own'),
  WORKSPACE_ROOTS: pathList().describe('Host directories that calls may name workspaces under, separated by ":" or ","; none by default'),
  MAX_CONCURRENT_SESSIONS: count(20).describe('Agents that run at the same time on this host'),
  SESSION_TIMEOUT: seconds(3600).describe('Seconds without a call after which an agent is stopped; its files and conversation stay'),
  PERSISTENT_MODE: flag(true).describe('false: an agent that times out is removed with its files and conversation'),
  CONTAINER_CPU_LIMIT: positive(4).describe('CPUs that one agent may use; at most half a CPU less than the engine has, where that has several'),
  CONTAINER_MEMORY_LIMIT: memorySize('2048m').describe('Memory that one agent may use'),
  WORKSPACE_MAX_BYTES: memorySize('20g').describe('Disk space that the workspace and the home of one agent may take, and its largest file; a turn that goes beyond it is stopped'),
  DISK_FREE_MIN: memorySize('1g').describe('Free space on the engine’s disk below which no new agents are made; below half of it agents are not started for turns, and the one that has written most is stopped'),
  ENGINE_TIMEOUT: seconds(30).describe('Seconds in which the Docker engine must answer: to what is asked; where it has something to do, to a ping each time that they are over, and after ten times as many in all'),
  CODEX_MODEL: textWithDefault('gpt-6.1-sol').describe('Model of turns that do not name one'),
  STOP_AGENTS_ON_SHUTDOWN: flag(false).describe('true: stop this host’s agents when the supervisor ends, as `npm start` and compose have it; otherwise their turns go on'),
});
export type SupervisorConfig = z.output<typeof SupervisorConfig>;

export const loadSupervisorConfig = (env: Record<string, string | undefined>): SupervisorConfig => loadConfig(SupervisorConfig, env);
