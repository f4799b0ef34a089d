import type { Http2Session } from 'node:http2';
import type { Socket } from 'node:net';

export interface ConnectionLimits {
  /** The time until the headers of a connection's first request have arrived. */
  readonly headersTimeoutMs: number;
  /** The time without a request after which a connection is closed; clients open a new one when they need it. */
  readonly idleTimeoutMs: number;
  /** The maximum number of connections. At the limit one without a request in flight is closed for the new one. */
  readonly maxConnections: number;
  /** The maximum number of connections from one address; 0: no limit. */
  readonly maxConnectionsPerAddress: number;
}

/**
 * Why a limit closed a connection: `refused`, all connections had a request in flight; `refused_address`, too many
 * from one address; `yielded`, to a new connection.
 */
export type CutConnection = 'refused' | 'refused_address' | 'yielded';

/** A connection and the state that its limits need. */
export interface TrackedConnection {
  readonly socket: Socket;
  readonly address: string;
  /** HTTP/1.1: Node limits the time for its headers, and responds with 408. */
  http1: boolean;
  session: Http2Session | undefined;
  /** Requests whose headers have arrived and whose responses are not complete. */
  inFlight: number;
  /** When it was opened, or when its last request ended; by `performance.now()`. */
  since: number;
}

export interface Connections {
  /** Counts a new connection, or closes it and returns undefined. */
  admit(socket: Socket): TrackedConnection | undefined;
  /** Called when the connection turns out to be HTTP/2. */
  startSession(connection: TrackedConnection, session: Http2Session): void;
  /** Called when the headers of a request have arrived. */
  requestBegins(connection: TrackedConnection): void;
  requestEnds(connection: TrackedConnection): void;
  /** Sends GOAWAY on all HTTP/2 connections; requests in flight continue. */
  closeSessions(): void;
  sessions(): Http2Session[];
  /** Closes every connection. */
  destroy(): void;
}

const CHECK_INTERVAL_MS = 500;

/** Enforces the limits of open connections. `onCut` is called for each connection that a limit closed. */
export function createConnections(
  limits: ConnectionLimits,
  onCut: (how: CutConnection) => void,
): Connections {
  const open = new Set<TrackedConnection>();
  const byAddress = new Map<string, number>();
  // Those without a request in flight, the oldest first: those that never had one, and the others.
  const silent = new Set<TrackedConnection>();
  const idle = new Set<TrackedConnection>();
  // Those that were asked to close, and may leave their half of the connection open.
  const ending = new Set<TrackedConnection>();
  const checks = setInterval(check, Math.min(CHECK_INTERVAL_MS, limits.headersTimeoutMs / 2));
  checks.unref();

  function check(): void {
    const now = performance.now();
    for (const connection of silent) {
      if (connection.since + limits.headersTimeoutMs > now) break;
      if (!connection.http1) end(connection);
    }
    for (const connection of idle) {
      if (connection.since + limits.idleTimeoutMs > now) break;
      end(connection);
    }
  }

  /** Tells the peer to close, within the time it had for its headers. */
  function end(connection: TrackedConnection): void {
    if (connection.session) connection.session.close();
    else connection.socket.end();
    destroyLater(connection);
  }

  function destroyLater(connection: TrackedConnection): void {
    if (!open.has(connection) || ending.has(connection)) return;
    silent.delete(connection);
    idle.delete(connection);
    ending.add(connection);
    const timer = setTimeout(() => connection.socket.destroy(), limits.headersTimeoutMs);
    timer.unref();
    connection.socket.once('close', () => clearTimeout(timer));
  }

  /** Closes a connection to admit another; returns false when every connection has a request in flight. */
  function evictOne(): boolean {
    const [connection] = [ending, silent, idle].find((set) => set.size > 0) ?? [];
    if (!connection) return false;
    if (!ending.has(connection)) onCut('yielded');
    remove(connection);
    // GOAWAY tells the client that none of its requests was processed.
    connection.session?.goaway();
    setImmediate(() => connection.socket.destroy());
    return true;
  }

  function remove(connection: TrackedConnection): void {
    if (!open.delete(connection)) return;
    for (const set of [silent, idle, ending]) set.delete(connection);
    const left = (byAddress.get(connection.address) ?? 1) - 1;
    if (left > 0) byAddress.set(connection.address, left);
    else byAddress.delete(connection.address);
  }

  function refuse(socket: Socket, how: CutConnection): undefined {
    onCut(how);
    socket.destroy();
  }

  return {
    admit(socket) {
      const address = socket.remoteAddress ?? '';
      const ofAddress = byAddress.get(address) ?? 0;
      if (limits.maxConnectionsPerAddress > 0 && ofAddress >= limits.maxConnectionsPerAddress) {
        return refuse(socket, 'refused_address');
      }
      if (open.size >= limits.maxConnections && !evictOne()) return refuse(socket, 'refused');
      const connection: TrackedConnection = {
        socket,
        address,
        http1: false,
        session: undefined,
        inFlight: 0,
        since: performance.now(),
      };
      open.add(connection);
      silent.add(connection);
      byAddress.set(address, ofAddress + 1);
      socket.once('close', () => remove(connection));
      return connection;
    },
    startSession(connection, session) {
      connection.session = session;
      // A session half-closes its socket, and the peer need not close its half.
      session.once('close', () => destroyLater(connection));
    },
    requestBegins(connection) {
      connection.inFlight++;
      silent.delete(connection);
      idle.delete(connection);
    },
    requestEnds(connection) {
      connection.inFlight--;
      if (connection.inFlight > 0 || !open.has(connection) || ending.has(connection)) return;
      connection.since = performance.now();
      idle.add(connection);
    },
    closeSessions() {
      for (const { session } of open) session?.close();
    },
    sessions: () => [...open].flatMap(({ session }) => (session && !session.destroyed ? [session] : [])),
    destroy() {
      clearInterval(checks);
      // `session.destroy()` alone leaves sockets open.
      for (const { socket } of open) socket.destroy();
    },
  };
}
