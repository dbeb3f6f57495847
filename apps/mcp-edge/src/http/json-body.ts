import { AppError } from '@codex-mcp/contracts';
import express, { type Request, type Response } from 'express';
import { HttpProblem } from './http-problem.js';

export const MAX_BODY_BYTES = 4 * 1024 * 1024;

const MAX_DEPTH = 64;

const readText = express.text({ type: () => true, limit: MAX_BODY_BYTES, inflate: false });

/** The body parsed as JSON whatever its Content-Type; undefined when there is none. Called after the guards, so that strangers are not read. */
export async function readJsonBody(request: Request, response: Response): Promise<unknown> {
  await new Promise<void>((resolve, reject) => {
    readText(request, response, (error: unknown) => (error === undefined ? resolve() : reject(bodyError(error))));
  });
  const text: unknown = request.body;
  if (typeof text !== 'string' || text.trim() === '') return undefined;
  return parseJson(text);
}

function bodyError(error: unknown): unknown {
  if (error instanceof Error && 'status' in error && error.status === 413) {
    return new AppError('input_too_large', `A request body holds at most ${MAX_BODY_BYTES / 1024 / 1024} MiB.`);
  }
  return error;
}

function parseJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new HttpProblem(400, 'malformed_json', 'The request body is not valid JSON.');
  }
  if (isDeeperThan(MAX_DEPTH, value)) throw new HttpProblem(400, 'malformed_json', `The request body nests deeper than ${MAX_DEPTH} levels.`);
  return value;
}

/** Goes level by level: recursion is what such a body is made to break. */
function isDeeperThan(limit: number, value: unknown): boolean {
  let level: object[] = [value].filter(isObject);
  for (let depth = 0; level.length > 0; depth++) {
    if (depth >= limit) return true;
    level = level.flatMap((parent) => Object.values(parent).filter(isObject));
  }
  return false;
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
