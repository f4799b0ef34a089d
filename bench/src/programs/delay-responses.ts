// Lets the process that imports it first (`node --import`) receive what comes from some ports later than it arrives, as
// if the network were slower: `critical-path.ts` tells by how much later an order is done how often it has waited for
// such a port. Nothing is delayed until delays are set.
import net from 'node:net';
import { json } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { delaySocketOf, type ResponseDelays } from '../response-delays.ts';

let delays: ResponseDelays = {};

/** What a socket has received and not delivered, in its order. */
const undelivered = new WeakMap<net.Socket, { count: number; last: Promise<void> }>();

// Sockets deliver what they have received by `push`, null at the end. Those of HTTP/2 do not; they are not delayed.
const push = net.Socket.prototype.push;
net.Socket.prototype.push = function pushLater(this: net.Socket, ...chunk: Parameters<typeof push>): boolean {
  const ms = delays[this.remotePort ?? 0] ?? 0;
  const before = undelivered.get(this) ?? { count: 0, last: Promise.resolve() };
  if (ms === 0 && before.count === 0) return push.apply(this, chunk);
  const due = performance.now() + ms;
  before.count += 1;
  before.last = before.last.then(async () => {
    await sleep(due - performance.now());
    before.count -= 1;
    if (!this.destroyed) push.apply(this, chunk);
  });
  undelivered.set(this, before);
  return true;
};

net
  .createServer({ allowHalfOpen: true }, async (socket) => {
    delays = (await json(socket)) as ResponseDelays;
    socket.end();
  })
  .listen(delaySocketOf(process.pid))
  .unref();
