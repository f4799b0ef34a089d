import { once } from 'node:events';
import { connect } from 'node:net';

/** How long what arrives from a port is delayed, in milliseconds, by port. */
export type ResponseDelays = Readonly<Record<number, number>>;

/** Where a process that delays responses (`programs/delay-responses.ts`) reads by how much: an abstract socket. */
export const delaySocketOf = (pid: number) => `\0orderflow-bench-delays-${pid}`;

/** Sets the delays of other processes, which hold from the moment this resolves. */
export async function setResponseDelays(pids: readonly number[], delays: ResponseDelays): Promise<void> {
  await Promise.all(
    pids.map(async (pid) => {
      const socket = connect(delaySocketOf(pid));
      socket.end(JSON.stringify(delays)).resume();
      await once(socket, 'close');
    }),
  );
}
