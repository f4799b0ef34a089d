import { connect } from 'node:net';
import { json } from 'node:stream/consumers';

/** The requests that a process has made to its stores so far. */
export interface Requests {
  /**
   * Round trips to Postgres. Statements that were sent before the first of them was answered, on one connection, are
   * one.
   */
  sql: number;
  /** Requests to Kafka that were answered, by the name of their API. */
  kafka: Record<string, number>;
}

/** Where a process that counts its requests (`programs/count-requests.ts`) says how many: an abstract socket. */
export const socketOf = (pid: number) => `\0orderflow-bench-requests-${pid}`;

/** Reads the requests that another process has counted. */
export async function requestsOf(pid: number): Promise<Requests> {
  return (await json(connect(socketOf(pid)))) as Requests;
}
