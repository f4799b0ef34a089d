import type { DescMethod, JsonObject, Registry } from '@bufbuild/protobuf';
import { MethodOptions_IdempotencyLevel as Level } from '@bufbuild/protobuf/wkt';
import { type Call, type Client, type Ending, emptyEnding } from './client.ts';
import { methodOf } from './connect-call.ts';
import { endingOfJson } from './connect-error.ts';
import type { Contracts } from './contracts.ts';
import { runCurl, sendWithCurl } from './curl.ts';

/** Creates the client curl that speaks Connect with JSON, by POST; streams are read frame by frame. */
export function createCurlConnect({ services, registry }: Contracts): Client {
  return {
    call: (call) =>
      methodOf(services, call).method.methodKind === 'unary'
        ? unary(call, registry, {
            method: 'POST',
            url: `${call.url}/${call.service}/${call.method}`,
            headers: { ...headersOf(call), 'content-type': 'application/json' },
            body: JSON.stringify(call.request),
          })
        : stream(call, registry),
    send: sendWithCurl,
  };
}

/** Returns why a method cannot be called by GET; undefined when it can. */
export function whyNotByGet({ methodKind, idempotency }: DescMethod): string | undefined {
  const canBe = methodKind === 'unary' && idempotency === Level.NO_SIDE_EFFECTS;
  return canBe ? undefined : 'Connect has GET only for unary methods without side effects';
}

/** Creates the client curl that speaks Connect with GET, see {@link whyNotByGet}. */
export function createCurlConnectGet({ registry }: Contracts): Client {
  return {
    call(call) {
      const query = new URLSearchParams({
        connect: 'v1',
        encoding: 'json',
        message: JSON.stringify(call.request),
      });
      const url = `${call.url}/${call.service}/${call.method}?${query}`;
      return unary(call, registry, { method: 'GET', url, headers: headersOf(call) });
    },
    send: sendWithCurl,
  };
}

function headersOf({ headers, timeoutMs }: Call): Record<string, string> {
  return {
    ...headers,
    'connect-protocol-version': '1',
    ...(timeoutMs !== undefined && { 'connect-timeout-ms': String(timeoutMs) }),
  };
}

async function unary(
  call: Call,
  registry: Registry,
  request: Parameters<typeof runCurl>[0],
): Promise<Ending> {
  const { status, headers, body, isCancelled } = await runCurl(request, { call });
  if (isCancelled) return { ...emptyEnding, code: 'canceled', message: 'interrupted' };
  const json = JSON.parse(body.toString()) as JsonObject;
  const received = { headers: withoutTrailers(headers), trailers: trailersIn(headers) };
  if (status === 200) return { ...emptyEnding, ...received, messages: [json] };
  return { ...endingOfJson(json, registry), ...received };
}

/** Of a unary response trailers are headers that begin with `trailer-`. */
const TRAILER = 'trailer-';

const withoutTrailers = (headers: Ending['headers']) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith(TRAILER)));

const trailersIn = (headers: Ending['headers']) =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      name.startsWith(TRAILER) ? [[name.slice(TRAILER.length), value]] : [],
    ),
  );

/** A frame of a stream: five bytes, flags and length, then the JSON of a message or, flagged, of the end. */
const END_FLAG = 2;

async function stream(call: Call, registry: Registry): Promise<Ending> {
  const { status, headers, body, isCancelled } = await runCurl(
    {
      method: 'POST',
      url: `${call.url}/${call.service}/${call.method}`,
      headers: { ...headersOf(call), 'content-type': 'application/connect+json' },
      body: frameOf(JSON.stringify(call.request)),
    },
    {
      call,
      countMessages: (received) => framesIn(received).filter(({ flags }) => flags !== END_FLAG).length,
    },
  );
  const frames = framesIn(body);
  const messages = frames.filter(({ flags }) => flags !== END_FLAG).map(({ json }) => json);
  if (isCancelled) return { ...emptyEnding, code: 'canceled', message: 'interrupted', messages, headers };
  if (status !== 200) return { ...endingOfJson(JSON.parse(body.toString()), registry), headers };
  const end = frames.find(({ flags }) => flags === END_FLAG)?.json;
  if (end === undefined) throw new Error(`the stream of ${call.service}/${call.method} has no end`);
  const ending = end['error'] === undefined ? emptyEnding : endingOfJson(end['error'], registry);
  return { ...ending, messages, headers };
}

function frameOf(json: string): Buffer {
  const bytes = Buffer.from(json);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

/** The frames that are complete in what was received. */
function framesIn(received: Buffer): { flags: number; json: JsonObject }[] {
  const frames = [];
  let start = 0;
  while (start + 5 <= received.length) {
    const end = start + 5 + received.readUInt32BE(start + 1);
    if (end > received.length) break;
    frames.push({
      flags: received.readUInt8(start),
      json: JSON.parse(received.toString('utf8', start + 5, end)),
    });
    start = end;
  }
  return frames;
}
