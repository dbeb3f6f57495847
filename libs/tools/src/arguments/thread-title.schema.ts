import { z } from 'zod';

const MAX_CHARACTERS = 200;

export const threadTitle = () =>
  z.string().trim().max(MAX_CHARACTERS, `must be at most ${MAX_CHARACTERS} characters`).describe('A title for list_threads. Default: the beginning of the first message').optional();
