import { AgentIdentity } from '@codex-mcp/contracts';
import type { ContainerInfo, VolumeInspectInfo } from 'dockerode';
import type { AgentSpec, KnownAgent, Remains } from '../agent-runtime.port.js';
import { LABELS, namesOf, volumePrefix, workspaceOf } from './container-spec.js';

type Volume = VolumeInspectInfo & { CreatedAt?: string };
type Found = { containers: ContainerInfo[]; home?: Volume; workspace?: Volume; copies: Volume[] };

const KEY_DIGITS = 16;
/** Volumes that only join others hold nothing. */
const VOLUME = new RegExp(String.raw`^([0-9a-f]{${KEY_DIGITS}})-(workspace|home|(?:copy|upper|work)-[0-9a-f]{12})$`);

/** What a deployment's containers and volumes are to its agents. Volumes are told by their names: those of early versions have no labels. */
export function remainsOf(deployment: string, containers: readonly ContainerInfo[], volumes: readonly Volume[]): Remains[] {
  const all = new Map<string, Found>();
  const at = (key: string): Found => {
    const found = all.get(key) ?? { containers: [], copies: [] };
    all.set(key, found);
    return found;
  };
  for (const container of containers) {
    const agent = identityOf(container.Labels);
    if (agent) at(agent.key.slice(0, KEY_DIGITS)).containers.push(container);
  }
  const prefix = volumePrefix(deployment);
  for (const volume of volumes) {
    const [, key, kind] = (volume.Name.startsWith(prefix) && VOLUME.exec(volume.Name.slice(prefix.length))) || [];
    if (key === undefined) continue;
    if (kind === 'workspace' || kind === 'home') at(key)[kind] = volume;
    else at(key).copies.push(volume);
  }
  return [...all].map(([key, found]) => remains(deployment, key, found));
}

function remains(deployment: string, key: string, { containers, home, workspace, copies }: Found): Remains {
  const own = containers.find(({ Names }) => Names.includes(`/${namesOf(deployment, key).container}`));
  const spec = (own && specOf(own.Labels)) ?? specOfVolumes(home, workspace, copies);
  return {
    key: spec?.agent.key ?? key,
    spec,
    known: own && known(own),
    hasFiles: home !== undefined || workspace !== undefined || copies.length > 0,
    createdAt: own ? own.Created * 1000 : Date.parse((home ?? workspace)?.CreatedAt ?? '') || Date.now(),
    doubles: containers.filter((container) => container !== own).map(({ Id }) => Id),
  };
}

/** An agent gets back the files that it left: its own workspace before its latest copy of a directory, and either before a host directory. */
function specOfVolumes(home: Volume | undefined, workspace: Volume | undefined, copies: readonly Volume[]): AgentSpec | undefined {
  const spec = specOf(home?.Labels);
  if (workspace) return specOf(workspace.Labels) ?? (spec && { ...spec, workspace: { kind: 'volume' } });
  const [latest] = copies.toSorted((a, b) => (b.CreatedAt ?? '').localeCompare(a.CreatedAt ?? ''));
  return specOf(latest?.Labels) ?? spec;
}

function known(container: ContainerInfo): KnownAgent | undefined {
  const spec = specOf(container.Labels);
  return spec && { spec, running: container.State === 'running', runtimeId: container.Id, createdAt: container.Created * 1000 };
}

/** The engine has null for no labels. */
function specOf(labels: Record<string, string> | null | undefined): AgentSpec | undefined {
  const agent = identityOf(labels ?? {});
  const image = labels?.[LABELS.image];
  return agent && labels ? { agent, workspace: workspaceOf(labels), ...(image !== undefined && { image }) } : undefined;
}

function identityOf({ [LABELS.key]: key, [LABELS.agentId]: agentId, [LABELS.tenant]: tenant }: Record<string, string>): AgentIdentity | undefined {
  return AgentIdentity.safeParse({ key, agentId, tenant }).data;
}
