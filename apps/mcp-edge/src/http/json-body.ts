import { AppError } from '@codex-mcp/contracts';
import express, { type Request, type Response } from 'express';
import { HttpProblem } from './http-problem.js';
import { extentOf } from './json-extent.js';

export const MAX_BODY_BYTES = 4 * 1024 * 1024;

const MAX_DEPTH = 64;
/** Elements and members, at all levels together. */
const MAX_VALUES = 100_000;

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
  const { depth, values } = extentOf(text);
  if (depth > MAX_DEPTH) throw new HttpProblem(400, 'malformed_json', `The request body nests deeper than ${MAX_DEPTH} levels.`);
  if (values > MAX_VALUES) throw new AppError('input_too_large', `A request body holds at most ${MAX_VALUES} values; this one has up to ${values}.`);
  try {
    return JSON.parse(text);
  } catch {
    throw new HttpProblem(400, 'malformed_json', 'The request body is not valid JSON.');
  }
}
