import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

/** A connection that receives the notifications of a channel until it is closed. */
export interface Subscription {
  /** False while the connection is lost: notifications that are sent meanwhile never arrive. */
  isListening(): boolean;
  close(): Promise<void>;
}

/** Calls `onNotification` for each NOTIFY of a channel, and whenever a lost connection has been replaced. */
export type Listen = (channel: string, onNotification: () => void) => Subscription;

const RECONNECT_MS = 1_000;

/** Creates a connection of its own for each subscription: a pool lends its connections to any statement. */
export function listenWith(options: pg.ClientConfig): Listen {
  return (channel, onNotification) => {
    const closing = new AbortController();
    let client: pg.Client | undefined;
    let listening = false;

    async function listenOnce(): Promise<void> {
      client = new pg.Client({ ...options, keepAlive: true });
      // Every error of a connection ends it.
      client.on('error', () => {});
      const ended = new Promise<void>((resolve) => client?.once('end', resolve));
      try {
        // A connection that is closed while it opens never resolves `connect`.
        await Promise.race([client.connect(), ended.then(() => Promise.reject(new Error('closed')))]);
        client.on('notification', onNotification);
        await client.query(`listen ${pg.escapeIdentifier(channel)}`);
        listening = true;
        onNotification();
        await ended;
      } finally {
        listening = false;
        await client.end();
      }
    }

    async function keepListening(): Promise<void> {
      while (!closing.signal.aborted) {
        // The caller has to poll as well, and reports an outage of Postgres itself.
        await listenOnce().catch(() => {});
        await sleep(RECONNECT_MS, undefined, { signal: closing.signal }).catch(() => {});
      }
    }

    const working = keepListening();
    return {
      isListening: () => listening,
      async close() {
        closing.abort();
        await client?.end();
        await working;
      },
    };
  };
}
