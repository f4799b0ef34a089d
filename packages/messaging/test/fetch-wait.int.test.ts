import { eventually } from '@orderflow/testing';
import { expect, test } from 'vitest';
import { running } from './kit.ts';
import { Outage, reader, sendTo, withDeadLetters } from './reader.ts';
import { requestsOf } from './requests.ts';

test('a fetch waits long for records, but not while a partition pauses, which would wait for it too', async () => {
  const fetches = requestsOf('fetch');
  // A fetch begins with the id of the replica, -1 for a client, and the milliseconds to wait.
  const waits = () => fetches.at(-1)?.readInt32BE(4);
  const kafka = await withDeadLetters(2);
  let isDown = true;
  const { component } = reader(
    kafka,
    async () => {
      if (isDown) throw new Outage('the database is unavailable');
    },
    { sessionTimeoutMs: 30_000 },
  );
  await using _ = await running(component);
  await eventually(() => expect(waits()).toBe(1_000));
  await sendTo(kafka, { 0: ['a'] });
  await eventually(() => expect(waits()).toBe(250));
  isDown = false;
  await eventually(() => expect(waits()).toBe(1_000));
});

test('a fetch does not wait longer than a heartbeat, which waits for it', async () => {
  const fetches = requestsOf('fetch');
  const kafka = await withDeadLetters();
  const { component } = reader(kafka, async () => {}, { sessionTimeoutMs: 6_000 });
  await using _ = await running(component);
  await eventually(() => expect(fetches.at(-1)?.readInt32BE(4)).toBe(600));
});
