import type { Socket } from 'node:net';
import type { NextFunction, Request, Response } from 'express';

const unclosed = new WeakMap<Socket, Set<Response>>();

/** Of a connection: the response that is being sent, and those of pipelined requests behind it. */
export const responsesOf = (socket: Socket): ReadonlySet<Response> => unclosed.get(socket) ?? new Set();

/** Node closes with a connection only the response that is being sent: those that wait behind it close here. */
export function closeWithConnection({ socket }: Request, response: Response, next: NextFunction): void {
  const responses = unclosed.get(socket) ?? follow(socket);
  responses.add(response);
  response.once('close', () => responses.delete(response));
  next();
}

function follow(socket: Socket): Set<Response> {
  const responses = new Set<Response>();
  unclosed.set(socket, responses);
  socket.once('close', () => {
    for (const response of responses) {
      if (response.socket) continue; // Node's
      response.destroy();
      response.emit('close');
    }
  });
  return responses;
}
