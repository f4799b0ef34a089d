import { createServer } from 'node:net';
import { createProxy, type SmtpFault, startSmtpServer } from '@orderflow/testing';
import { afterAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { toSmtpAddress } from '../src/outbound/smtp/mail-address.ts';
import { createMailServer } from '../src/outbound/smtp/mail-server.ts';

const from = 'Shop <shop@example.com>';
const to = 'ann@example.com';
const message = Buffer.from(
  'Message-ID: <m-1@example.com>\r\nSubject: x\r\n\r\n.dot\r\n..\r\nend without a line break',
);
/** More than the buffers of two sockets hold. */
const large = Buffer.concat([message, Buffer.alloc(32 * 1024 * 1024, 'a line of text\r\n')]);
const never = () => new AbortController().signal;

const smtp = await startSmtpServer();
afterAll(() => smtp.close());
beforeEach(() => smtp.heal());
const mailServer = createMailServer({ url: smtp.url, from });
const impatient = createMailServer({ url: smtp.url, from, timeoutMs: 150 });

it('delivers the same bytes every time, and as often as asked', async () => {
  const before = smtp.accepted().length;
  for (let count = 0; count < 2; count += 1) {
    expect(await mailServer.deliver({ to, message }, never())).toEqual({
      kind: 'accepted',
      detail: '250 accepted',
    });
  }
  for (const accepted of smtp.accepted().slice(before)) {
    expect(accepted).toMatchObject({ from: 'shop@example.com', to: [to], messageId: 'm-1@example.com' });
    // DATA ends with a line break.
    expect(accepted.message.toString()).toBe(`${message}\r\n`);
  }
  expect(smtp.acceptedCount('m-1@example.com')).toBe(2);
});

const at = (place: 'RCPT' | 'DATA', code: number): SmtpFault => ({
  at: place,
  code,
  text: `<${to}>: user ${to} is\u0007 not here ${'x'.repeat(300)}`,
});

describe.each<[SmtpFault, string, number]>([
  ['GARBAGE_GREETING', 'unreachable', 0],
  ['CUT_AT_RCPT', 'unreachable', 0],
  // All of this short message was sent before the connection was cut.
  ['CUT_IN_DATA', 'unknown', 0],
  ['CUT_AFTER_DATA', 'unknown', 1],
  [at('RCPT', 450), 'deferred', 0],
  [at('RCPT', 550), 'refused', 0],
  [at('RCPT', 530), 'unreachable', 0],
  [at('DATA', 451), 'deferred', 0],
  [at('DATA', 421), 'deferred', 0],
  [at('DATA', 554), 'refused', 0],
])('%j', (fault, kind, count) => {
  it(`is ${kind}, and a mail later is accepted`, async () => {
    const before = smtp.accepted().length;
    smtp.fail(fault, { times: 1 });
    const outcome = await mailServer.deliver({ to, message }, never());
    expect(outcome.kind).toBe(kind);
    expect(outcome.detail).toMatch(/^[^@\p{C}]{5,200}$/u);
    expect(smtp.accepted().length).toBe(before + count);
    expect((await mailServer.deliver({ to, message }, never())).kind).toBe('accepted');
  });
});

describe.each<[SmtpFault, string]>([
  ['SILENT_GREETING', 'unreachable'],
  ['SILENT_AT_RCPT', 'unreachable'],
  ['SILENT_AFTER_DATA', 'unknown'],
])('%s', (fault, kind) => {
  it(`is ${kind} once the time is over`, async () => {
    smtp.fail(fault);
    expect(await impatient.deliver({ to, message }, never())).toMatchObject({ kind });
  });

  it(`is ${kind} when the attempt is stopped`, async () => {
    smtp.fail(fault);
    const stop = new AbortController();
    const before = smtp.accepted().length;
    const connected = smtp.connections();
    const delivery = mailServer.deliver({ to, message }, stop.signal);
    await expect
      .poll(() => (kind === 'unknown' ? smtp.accepted().length > before : smtp.connections() > connected))
      .toBe(true);
    stop.abort();
    expect(await delivery).toEqual({ kind, detail: 'the delivery was stopped' });
  });
});

it('does not connect when it is stopped before', async () => {
  const before = smtp.connections();
  expect(await mailServer.deliver({ to, message }, AbortSignal.abort())).toMatchObject({
    kind: 'unreachable',
  });
  const closed = createMailServer({ url: smtp.url, from });
  closed.close();
  expect(await closed.deliver({ to, message }, never())).toMatchObject({ kind: 'unreachable' });
  expect(smtp.connections()).toBe(before);
});

it('knows that a message was not accepted whose end was not sent', async () => {
  smtp.fail('CUT_IN_DATA');
  expect(await mailServer.deliver({ to, message: large }, never())).toMatchObject({ kind: 'unreachable' });
});

it('does not take a reply that comes before the end of the message for one to it', async () => {
  const liar = createServer((socket) => {
    socket.write('220 liar\r\n');
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.write('250 liar\r\n');
      socket.once('data', () => {
        socket.write('250 sender\r\n');
        socket.once('data', () => {
          socket.write('250 recipient\r\n');
          socket.once('data', () => {
            socket.pause();
            socket.write('354 go\r\n250 accepted\r\n');
          });
        });
      });
    });
  });
  await new Promise<void>((resolve) => void liar.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void liar.close());
  const { port } = liar.address() as { port: number };
  const outcome = await createMailServer({ url: `smtp://127.0.0.1:${port}`, from }).deliver(
    { to, message: large },
    never(),
  );
  expect(outcome).toEqual({ kind: 'unreachable', detail: '250 accepted' });
});

it('is unreachable when nothing listens, or traffic is frozen, and is reached again', async () => {
  const proxy = await createProxy({ target: smtp.port });
  onTestFinished(() => proxy.close());
  const behind = createMailServer({ url: `smtp://127.0.0.1:${proxy.port}`, from, timeoutMs: 500 });
  await proxy.refuse();
  expect(await behind.deliver({ to, message }, never())).toMatchObject({ kind: 'unreachable' });
  await proxy.heal();
  proxy.freeze();
  expect(await behind.deliver({ to, message }, never())).toMatchObject({ kind: 'unreachable' });
  await proxy.heal();
  expect((await mailServer.deliver({ to, message }, never())).kind).toBe('accepted');
});

describe('TLS', () => {
  it.each(['implicit', 'starttls'] as const)(
    '%s: a certificate that is not trusted is unreachable',
    async (tls) => {
      await using server = await startSmtpServer({ tls });
      const strict = createMailServer({ url: server.url, from });
      const outcome = await strict.deliver({ to, message }, never());
      expect(outcome.kind).toBe('unreachable');
      expect(outcome.detail).toMatch(/certificate/i);
      const trusting = createMailServer({ url: `${server.url}/?tls.rejectUnauthorized=false`, from });
      expect(await trusting.deliver({ to, message }, never())).toMatchObject({ kind: 'accepted' });
      if (tls === 'implicit') return;
      server.fail('CUT_AT_STARTTLS');
      expect(await trusting.deliver({ to, message }, never())).toMatchObject({ kind: 'unreachable' });
    },
  );

  it('that is required and not offered is unreachable', async () => {
    const strict = createMailServer({ url: `${smtp.url}/?requireTLS=true`, from });
    expect(await strict.deliver({ to, message }, never())).toMatchObject({ kind: 'unreachable' });
  });
});

it.each(['connection', 'socket'])('%s in the URL does not replace the connection', async (name) => {
  const server = createMailServer({ url: `${smtp.url}/?${name}=x`, from });
  expect(await server.deliver({ to, message }, never())).toMatchObject({ kind: 'accepted' });
});

it('logs in with user and password of the URL; without them, or with others, the server refuses us', async () => {
  await using server = await startSmtpServer({ auth: { user: 'shop', password: 'p@ss:w' } });
  const withLogin = (login: string) =>
    createMailServer({ url: `smtp://${login}127.0.0.1:${server.port}`, from }).deliver(
      { to, message },
      never(),
    );
  expect(await withLogin('shop:p%40ss%3Aw@')).toMatchObject({ kind: 'accepted' });
  const outcome = await withLogin('shop:secret@');
  expect(outcome.kind).toBe('unreachable');
  expect(outcome.detail).not.toContain('secret');
  expect(await withLogin('')).toMatchObject({ kind: 'unreachable', detail: expect.stringContaining('530') });
});

it.each([
  'ann@example.com>\r\nRCPT TO:<eve@example.com',
  'ann@example.com\nDATA',
  'ann@example.com, eve@example.com',
  'group: ann@example.com;',
  'Ann <ann@example.com>',
  '"ann smith"@example.com',
  'ann@example.com NOTIFY=NEVER',
  'ann',
  '@example.com',
  '',
  `${'a'.repeat(250)}@example.com`,
])('refuses %j and does not connect', async (address) => {
  const before = smtp.connections();
  expect(await mailServer.deliver({ to: address, message }, never())).toMatchObject({ kind: 'refused' });
  expect(smtp.connections()).toBe(before);
});

it('writes a domain in ASCII, and a local part as it is', async () => {
  expect(toSmtpAddress('ann@exämple.com')).toBe('ann@xn--exmple-cua.com');
  expect(toSmtpAddress('ann@ä%.com')).toBeUndefined();
  expect(toSmtpAddress('änn+1@Example.com')).toBe('änn+1@Example.com');
  expect(await mailServer.deliver({ to: 'änn@exämple.com', message }, never())).toMatchObject({
    kind: 'accepted',
  });
  // The server shows the domain in Unicode again.
  expect(smtp.accepted().at(-1)?.to).toEqual(['änn@exämple.com']);
});

it.each([
  ['http://127.0.0.1', from],
  ['127.0.0.1:25', from],
  ['smtp://ann:secret@:x', from],
  ['smtp://127.0.0.1', 'no address'],
  ['smtp://127.0.0.1', 'a@example.com, b@example.com'],
  ['smtp://127.0.0.1', 'Shop: orders <a@example.com>'],
])('refuses the settings %j, %j without showing a password', (url, sender) => {
  const create = () => createMailServer({ url, from: sender });
  expect(create).toThrow(/mail/);
  expect(create).not.toThrow(/secret/);
});
