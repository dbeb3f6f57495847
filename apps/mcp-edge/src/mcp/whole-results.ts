import { McpServer, type Server } from '@modelcontextprotocol/server';
import { WholeJson } from '../http/web-exchange.js';
import { piecesOf } from './sessions/message-json.js';

/**
 * Takes the result of the request that a server is made for, where it is all of the answer. The SDK would make a web response of it, with
 * a stream to be read again, which costs more than the rest of a small call; it is given an empty result to end the request with.
 */
export function takeResult<S extends Server | McpServer>(product: S, take: (result: WholeJson) => void): S {
  const server = product instanceof McpServer ? product.server : product;
  const connect = server.connect.bind(server);
  server.connect = (transport) => {
    const send = transport.send.bind(transport);
    let isStream = false;
    transport.send = (message, options) => {
      if (isStream || !('result' in message)) {
        isStream = true;
        return send(message, options);
      }
      take(new WholeJson(piecesOf(message)));
      return send({ ...message, result: {} }, options);
    };
    return connect(transport);
  };
  return product;
}
