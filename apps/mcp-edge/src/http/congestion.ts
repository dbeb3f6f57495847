import type { Response } from 'express';

const MAX_UNREAD_BYTES = 256 * 1024;

/** True while a client leaves so much unread that what it can do without should not be added. */
export const isCongested = (response: Response): boolean => response.writableLength > MAX_UNREAD_BYTES;
