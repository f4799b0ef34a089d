import net from 'node:net';
import { eventually } from '@orderflow/testing';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import type { Kafka } from '../src/index.ts';
import { running, text } from './kit.ts';
import { reader, sendTo, withDeadLetters } from './reader.ts';

const apiKeys = { joinGroup: 11, syncGroup: 14, heartbeat: 12 };
const errorCodes = { coordinatorLoading: 14, unknownMember: 25 };

afterEach(() => vi.restoreAllMocks());

test.for(['joinGroup', 'syncGroup'] as const)(
  'a consumer that the coordinator has forgotten joins again, also when the first %s is refused',
  async (refused) => {
    const lies = new Map<number, number>();
    corruptResponses(lies);
    const kafka = await withDeadLetters();
    const seen: string[] = [];
    const { component } = reader(kafka, async (records) => void seen.push(...records.map(text)));
    await using _ = await running(component);
    const members = await membersOf(kafka);
    await sendTo(kafka, { 0: ['before'] });
    await eventually(() => expect(seen).toEqual(['before']));
    const [before] = await members();

    // What a consumer hears whose session ran out while its coordinator was moving.
    lies
      .set(apiKeys.heartbeat, errorCodes.unknownMember)
      .set(apiKeys[refused], errorCodes.coordinatorLoading);
    await eventually(() => expect(lies.size).toBe(0));
    // The broker knows nothing of the lie and keeps the old member until its session is over.
    await eventually(async () => {
      const now = await members();
      expect(now).toHaveLength(1);
      expect(now).not.toEqual([before]);
    });
    await sendTo(kafka, { 0: ['after'] });
    await eventually(() => expect(seen).toEqual(['before', 'after']));
    await component.check?.();
  },
);

/** The ids of the members that the group has as the broker sees it; to be asked again and again. */
async function membersOf(kafka: Kafka): Promise<() => Promise<string[]>> {
  const admin = kafka.client().admin();
  await admin.connect();
  onTestFinished(() => admin.disconnect());
  return async () => {
    const { groups } = await admin.describeGroups([kafka.physicalName('readers')]);
    return groups.flatMap((group) => group.members.map(({ memberId }) => memberId));
  };
}

/** Puts an error code into the next response of an API, once each, whatever the broker said. By API key. */
function corruptResponses(lies: Map<number, number>): void {
  const connect = net.connect as (...options: unknown[]) => net.Socket;
  vi.spyOn(net, 'connect').mockImplementation(((...options: unknown[]) => {
    const socket = connect(...options);
    const asked = new Map<number, number>();
    const write = socket.write.bind(socket) as (frame: Buffer, encoding: BufferEncoding) => boolean;
    // A request: size, API key, version, correlation id, …
    socket.write = ((frame: Buffer, encoding: BufferEncoding) => {
      asked.set(frame.readInt32BE(8), frame.readInt16BE(4));
      return write(frame, encoding);
    }) as typeof socket.write;
    // A response: size, correlation id, and for these APIs the time of throttling and the error code. They are small,
    // and no fetch shares their connection, so that none is cut in two.
    socket.on('data', (frames: Buffer) => {
      for (let at = 0; at + 14 <= frames.length; at += 4 + frames.readInt32BE(at)) {
        const api = asked.get(frames.readInt32BE(at + 4)) ?? -1;
        const code = lies.get(api);
        if (code === undefined) continue;
        lies.delete(api);
        frames.writeInt16BE(code, at + 12);
      }
    });
    return socket;
  }) as typeof net.connect);
}
