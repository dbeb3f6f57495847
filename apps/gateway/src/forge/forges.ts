import { textWithDefault } from '@codex-mcp/config';
import { z } from 'zod';

const ForgeKind = z.enum(['github', 'gitlab', 'gitea']);
export type ForgeKind = z.infer<typeof ForgeKind>;

/** What runs there is known; the operator must still allow it. */
const KNOWN: Record<string, ForgeKind> = { 'github.com': 'github', 'gitlab.com': 'gitlab', 'codeberg.org': 'gitea' };

/** `host=kind` separated by ","; for a host that is known the name is enough. */
export const gitForges = () =>
  textWithDefault('').transform((value, context) => {
    const forges = new Map<string, ForgeKind>();
    for (const entry of value.toLowerCase().split(',').map((part) => part.trim()).filter(Boolean)) {
      const [host = '', kind = KNOWN[host]] = entry.split('=');
      const parsed = ForgeKind.safeParse(kind);
      if (host !== '' && parsed.success) forges.set(host, parsed.data);
      else context.addIssue({ code: 'custom', message: `has "${entry}", which is not a host with what runs there, such as git.example.org=gitea; known are ${ForgeKind.options.join(', ')}` });
    }
    return forges;
  }).meta({ default: '' });

/** What runs on a host, also where its API is not to be used. */
export const forgeOf = (host: string, forges: ReadonlyMap<string, ForgeKind>): ForgeKind | undefined => forges.get(host) ?? (Object.hasOwn(KNOWN, host) ? KNOWN[host] : undefined);
