import { z } from 'zod';
import { paths } from '../arguments/argument.schema.js';
import { author, commitMessage } from '../arguments/author.schema.js';
import { ChangedFile } from '../outputs/turn-facts.schema.js';
import { blocks, bullets, code } from '../rendering/markdown.js';
import { defineWorkspaceTool } from '../tool.js';

export const commit = defineWorkspaceTool({
  name: 'commit',
  title: 'Commit the workspace',
  description: "Commits the changes of the agent's workspace to its own git repository, on the branch that it is on, without hooks and signatures. Only for agents in containers.",
  access: 'write',
  arguments: {
    message: commitMessage,
    ...author,
    paths: paths('Only these').optional(),
  },
  output: {
    commit: z.string().describe('Its id'),
    branch: z.string().optional().describe('Absent where no branch is checked out'),
    files: z.array(ChangedFile),
  },
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false },
  render: ({ commit: id, branch, files }) => blocks(`Committed ${code(id.slice(0, 12))}${branch === undefined ? '' : ` on ${code(branch)}`}.`, bullets(files.map(({ path, status }) => `${code(path)} ${status}`))),
});
