import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { ErrorInfoSchema } from '@orderflow/contracts/google/rpc/error_details';
import { repositoryRoot } from '@orderflow/devstack';
import type { ServiceName } from '@orderflow/local/system';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { reasonToSkipBrowser, startChromium } from '../src/chromium.ts';
import { startWhole, type Whole } from '../src/whole.ts';

let whole: Whole;

beforeAll(async () => {
  whole = await startWhole('described');
});
afterAll(async () => {
  await whole?.[Symbol.asyncDispose]();
});

/** Whose ports `pnpm dev` has. */
const services: Readonly<Record<string, ServiceName>> = {
  8001: 'order-api',
  8002: 'inventory',
  8003: 'payment',
  8004: 'notification',
  8005: 'enrichment-stub',
  8006: 'payment-gateway-stub',
};

/** A call that a page of docs/reference has, and what the page says about its method. */
interface Example {
  readonly port: string;
  readonly path: string;
  readonly body: string;
  readonly text: string;
}

const sections = globSync('docs/reference/*.md', { cwd: repositoryRoot })
  .sort()
  .flatMap((file) => readFileSync(join(repositoryRoot, file), 'utf8').split(/^### /m));
const examples = sections.flatMap((text): Example[] => {
  const call = /^curl -H '[^']+' http:\/\/localhost:(\d+)(\S+) \\\n {2}-d '(.*)'$/m.exec(text);
  const [, port = '', path = '', body = ''] = call ?? [];
  return call ? [{ port, path, body, text }] : [];
});

/** The reason of an error of Connect. */
function reasonOf({ details = [] }: { details?: { type: string; value: string }[] }): string | undefined {
  const info = details.find(({ type }) => type === 'google.rpc.ErrorInfo');
  return info && fromBinary(ErrorInfoSchema, Buffer.from(info.value, 'base64')).reason;
}

test('each call of the API reference works, or fails with a reason that it names', async () => {
  expect(examples.length).toBeGreaterThan(35);
  const worked: string[] = [];
  for (const { port, path, body, text } of examples) {
    const service = services[port];
    if (service === undefined) throw new Error(`${path}: nothing listens on ${port}`);
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${whole.services[service].url}${path}`, { method: 'POST', headers, body });
    const result = (await response.json()) as Parameters<typeof reasonOf>[0];
    if (response.ok) worked.push(path);
    else expect(text, `${path}: ${JSON.stringify(result)}`).toContain(`[\`${reasonOf(result)}\`]`);
  }
  expect(worked.length).toBeGreaterThan(25);
});

const skipped = reasonToSkipBrowser();
if (skipped) console.warn(`Skipped: ${skipped}`);

describe.skipIf(skipped !== undefined)('in a browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startChromium();
  });
  afterAll(async () => {
    await browser?.close();
  });

  test.each([
    { width: 1000, colorScheme: 'light' },
    { width: 375, colorScheme: 'dark' },
  ] as const)(
    '/docs leads to the page of events, at a width of $width, $colorScheme',
    async ({ width, colorScheme }) => {
      const { url } = whole.services['order-api'];
      const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
      const problems: string[] = [];
      const requested = new Set<string>();
      page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
      page.on('pageerror', ({ message }) => problems.push(message));
      page.on('request', (request) => requested.add(new URL(request.url()).origin));
      await page.goto(`${url}/docs`);
      const link = page.getByRole('link', { name: /Topics and events/ }).first();
      await link.waitFor({ timeout: 60_000 });
      expect(new URL((await link.getAttribute('href')) ?? '', `${url}/docs`).pathname).toBe('/docs/events');

      await page.goto(`${url}/docs/events`);
      await page.getByRole('heading', { name: 'order-events', exact: true }).waitFor();
      const wider = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
      expect(await page.evaluate(wider)).toBe(0);
      await page.getByRole('link', { name: 'PaymentFailed', exact: true }).first().click();
      expect(new URL(page.url()).hash).toBe('#messages-PaymentFailed');
      await page.getByRole('link', { name: 'RPC and REST' }).click();
      await page.waitForURL(`${url}/docs`);
      expect(problems).toEqual([]);
      expect([...requested].filter((origin) => origin !== new URL(url).origin && origin !== 'null')).toEqual(
        [],
      );
    },
  );
});
