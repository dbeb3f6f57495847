import { MANAGEMENT_TOOLS } from '@codex-mcp/tools';
import { z } from 'zod';

const { decision, message } = MANAGEMENT_TOOLS.answer_approval.arguments.shape;

/** What answers an approval. */
export const AnswerBody = z.strictObject({ decision, message });
