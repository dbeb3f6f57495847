import { z } from 'zod';
import { bullets, code, lines } from '../rendering/markdown.js';
import { defineWorkspaceTool } from '../tool.js';

const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/;

export const checkpointName = (description: string) => z.string().regex(NAME, 'must be letters, digits, - and _, at most 63').describe(description);

const Checkpoint = z.object({ name: z.string(), at: z.iso.datetime().describe('ISO 8601') });

export const checkpoint = defineWorkspaceTool({
  name: 'checkpoint',
  title: 'Keep a checkpoint',
  description: "Keeps the workspace's present state under a name; restore brings it back and get_diff compares with it. Files that the ignore rules name are not part of it. A name that exists is moved.",
  access: 'read',
  arguments: { name: checkpointName('Its name') },
  output: { name: z.string(), checkpoints: z.array(Checkpoint).describe('All of the agent, the newest first') },
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true },
  render: ({ name, checkpoints }) => lines(`Checkpoint ${code(name)} is kept.`, bullets(checkpoints.map((kept) => `${code(kept.name)} ${kept.at}`))),
});
