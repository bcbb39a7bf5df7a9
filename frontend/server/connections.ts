import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** The connections of a server that is to stop. */
export interface Connections {
  /** Ends every connection without a request, now and as the others finish theirs. */
  readonly closeIdle: () => void;
}

/**
 * Counts the requests on each connection. Node's own `closeIdleConnections` spares the connections a browser opened ahead
 * and has not used yet; each of them would hold a stopping server up until its deadline.
 */
export function trackConnections(server: Server): Connections {
  const requests = new Map<Socket, number>();
  let closing = false;

  server.on('connection', (socket: Socket) => {
    requests.set(socket, 0);
    socket.once('close', () => requests.delete(socket));
  });
  server.on('request', ({ socket }: { socket: Socket }, response: ServerResponse) => {
    requests.set(socket, (requests.get(socket) ?? 0) + 1);
    response.once('close', () => {
      const remaining = (requests.get(socket) ?? 1) - 1;
      if (socket.destroyed) {
        return;
      }
      requests.set(socket, remaining);
      if (closing && remaining === 0) {
        socket.end();
      }
    });
  });

  function closeIdle(): void {
    closing = true;
    for (const [socket, count] of requests) {
      if (count === 0) {
        socket.destroy();
      }
    }
  }

  return { closeIdle };
}
