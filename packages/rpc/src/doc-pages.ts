import { createHash } from 'node:crypto';
import { open, readFile } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { JsonObject } from '@bufbuild/protobuf';
import { compressGzip, gzipAccepted } from './gzip.ts';
import type { HttpRequest, HttpResponse, Page } from './http.ts';

/** The page as one script, with everything in it. */
const script = new URL('browser/standalone.js', import.meta.resolve('@scalar/api-reference'));
const manifest = new URL('../package.json', import.meta.resolve('@scalar/api-reference'));

/** What a script is read in. */
const CHUNK_BYTES = 16 * 1024;
/** What a reader takes who reads nothing of a script: pieces in the file's stream and in Node's of HTTP/2, and objects. */
const READER_BYTES = 144 * 1024;

/** Scalar sets styles from its script. Everything comes from this server, and calls go to it only. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Off is what would call servers of Scalar, or is a service of theirs. */
const configuration = {
  telemetry: false,
  withDefaultFonts: false,
  agent: { disabled: true },
  mcp: { disabled: true },
  showDeveloperTools: 'never',
  hideClientButton: true,
  // Several paths may have one method.
  operationTitleSource: 'path',
};

/** The page about events has its style in it, and no script. */
const eventsSecurityPolicy = [
  "default-src 'none'",
  "style-src 'unsafe-inline'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** What describes the topics and events of the whole system. */
export interface EventDocs {
  /** The AsyncAPI document. */
  readonly document: JsonObject;
  /** The page that shows it, without scripts; its links are relative to `/docs/events`. */
  readonly html: string;
}

/**
 * Creates the OpenAPI document and the page that shows it; with `eventDocs` also the AsyncAPI document and its page.
 * Documents are made when they are first asked for, and not in memory before that; the script of the page never is.
 */
export function createDocPages(
  service: string,
  openApi: () => Promise<JsonObject>,
  eventDocs?: () => Promise<EventDocs>,
): Map<string, Page> {
  const html = htmlOf(`orderflow: ${service}`, eventDocs !== undefined);
  const makeEventDocs = eventDocs && once(eventDocs);
  const redirect = (location: string) => (res: HttpResponse) => {
    res.writeHead(308, { location });
    res.end();
  };

  return new Map<string, Page>([
    [
      '/openapi.json',
      documentPage({ 'content-type': 'application/json' }, async () => JSON.stringify(await openApi())),
    ],
    [
      '/docs',
      (res) => {
        res.writeHead(200, pageHeaders(contentSecurityPolicy));
        res.end(html);
      },
    ],
    ['/docs/scalar.js', sendScript],
    ...(makeEventDocs
      ? ([
          [
            '/asyncapi.json',
            documentPage({ 'content-type': 'application/json' }, async () =>
              JSON.stringify((await makeEventDocs()).document),
            ),
          ],
          [
            '/docs/events',
            documentPage(pageHeaders(eventsSecurityPolicy), async () => (await makeEventDocs()).html),
          ],
        ] as const)
      : []),
    ['/api-docs', redirect('docs')],
    ['/api/docs', redirect('../docs')],
  ]);
}

function pageHeaders(policy: string) {
  return {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': policy,
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  };
}

/** A page that is made when it is first asked for, and again only after that has failed. */
function documentPage(headers: Readonly<Record<string, string>>, make: () => Promise<string>): Page {
  const ready = once(async () => readyToSend(await make()));
  return async (res, hold, req) => {
    const { plain, packed, etag } = await ready();
    const isPacked = gzipAccepted.test(String(req.headers['accept-encoding'] ?? ''));
    const body = isPacked ? packed : plain;
    if (isUnchanged(req, res, etag)) return;
    if (!hold(body.length)) {
      res.writeHead(503, { 'retry-after': '1' }).end();
      return;
    }
    res.writeHead(200, {
      ...headers,
      'content-length': body.length,
      vary: 'Accept-Encoding',
      ...(isPacked && { 'content-encoding': 'gzip' }),
    });
    res.end(body);
  };
}

/** Returns the result of the first call that succeeds, also of one that still runs. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make().catch((error: unknown) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}

/** The document as it is sent. */
async function readyToSend(text: string) {
  const plain = Buffer.from(text);
  const hash = createHash('sha256').update(plain).digest('base64url').slice(0, 22);
  return { plain, packed: await compressGzip(plain), etag: `"${hash}"` };
}

async function sendScript(res: HttpResponse, hold: (bytes: number) => boolean, req: HttpRequest) {
  const { version } = JSON.parse(await readFile(manifest, 'utf8')) as { version: string };
  if (isUnchanged(req, res, `"${version}"`)) return;
  if (!hold(READER_BYTES)) {
    res.writeHead(503, { 'retry-after': '1' }).end();
    return;
  }
  await using file = await open(script);
  const { size } = await file.stat();
  res.writeHead(200, { 'content-type': 'text/javascript; charset=utf-8', 'content-length': size });
  if (req.method === 'HEAD') {
    // Over HTTP/2 it has ended, and a pipe to it would not.
    res.end();
    return;
  }
  const bytes = file.createReadStream({ highWaterMark: CHUNK_BYTES, autoClose: false });
  await pipeline(bytes, res).catch((error: unknown) => {
    if (!readerHasGone.has((error as NodeJS.ErrnoException).code)) throw error;
  });
}

/** The codes of errors about a reader that has gone, or was cut: while it read, or before it could. */
const readerHasGone = new Set<string | undefined>([
  'ERR_STREAM_PREMATURE_CLOSE',
  'ERR_STREAM_UNABLE_TO_PIPE',
]);

/** Sends 304 when the caller has what it asks for. Otherwise the response will say how to ask for it again. */
function isUnchanged(req: HttpRequest, res: HttpResponse, etag: string): boolean {
  res.setHeader('etag', etag);
  // It may be kept, and must be compared before it is used.
  res.setHeader('cache-control', 'no-cache');
  // A pattern with blanks on both sides takes a time that is quadratic in their number, which a caller chooses.
  const known = String(req.headers['if-none-match'] ?? '').split(',');
  if (!known.some((tag) => tag.trim().replace(/^W\//, '') === etag)) return false;
  res.writeHead(304);
  res.end();
  return true;
}

/** URLs are relative: a proxy may serve all of it below another path. */
function htmlOf(title: string, hasEvents: boolean): string {
  const options = JSON.stringify(configuration).replaceAll('"', '&quot;');
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${title}</title>
    <link rel="icon" href="data:,">
  </head>
  <body>
    <noscript>This page needs JavaScript; <a href="openapi.json">openapi.json</a>${
      hasEvents ? ' and <a href="docs/events">the page about events</a> do not' : ' does not'
    }.</noscript>
    <script id="api-reference" type="application/json" data-url="openapi.json" data-configuration="${options}"></script>
    <script src="docs/scalar.js"></script>
  </body>
</html>
`;
}
