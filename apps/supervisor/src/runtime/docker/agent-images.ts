import { textWithDefault } from '@codex-mcp/config';
import { BASE_IMAGE, ImageName } from '@codex-mcp/contracts';
import type { z } from 'zod';

/** Images of codex-mcp's own, which `npm run images` builds. */
const OWN = ['node', 'python'];
const REFERENCE = /^[\w][\w.:/@-]{0,254}$/;

/** Names separated by ",": those of images of ours, and `name=image:tag` for an operator's. The base can always be had. */
export const agentImages = () =>
  textWithDefault(OWN.join(',')).transform((value, context) => {
    const images = new Map<string, string>();
    for (const entry of value.split(',').map((part) => part.trim()).filter(Boolean)) {
      const [name = '', ...rest] = entry.split('=');
      const reference = entry.includes('=') ? rest.join('=') : OWN.includes(name) ? ownImage(name) : undefined;
      if (name === BASE_IMAGE && rest.length === 0) continue;
      if (name !== BASE_IMAGE && ImageName.safeParse(name).success && reference !== undefined && REFERENCE.test(reference)) images.set(name, reference);
      else context.addIssue({ code: 'custom', message: `has "${entry}", which is neither ${[BASE_IMAGE, ...OWN].join(', ')} nor an image such as java=registry.example.org/agent-java:1; AGENT_IMAGE is the base` });
    }
    return images;
  }).meta({ default: OWN.join(',') });

export type AgentImages = z.output<ReturnType<typeof agentImages>>;

const ownImage = (name: string): string => `codex-mcp-agent-${name}:latest`;

/** Why an image that was asked for by its name is not used. */
export const notAllowed = (name: string, images: AgentImages): string =>
  `The image "${name}" is not among those that this server allows: ${[BASE_IMAGE, ...images.keys()].join(', ')}. Its operator can add it to AGENT_IMAGES.`;

export const notBuilt = (name: string, reference: string): string =>
  reference === ownImage(name)
    ? `The image "${name}" is not on this server's Docker engine. Its operator has to build it: npm run images -- ${name}`
    : `The image "${name}" is not on this server's Docker engine. Its operator has to pull or build it.`;

export const outdated = (name: string, reference: string): string =>
  `The image "${name}" has another version of Codex than this server. Its operator has to build it again${reference === ownImage(name) ? `: npm run images -- ${name}` : ''}.`;
