import { join } from 'node:path';
import { repositoryRoot } from '@orderflow/devstack';
import { fetchPersonToken } from '@orderflow/local/tokens';
import type { Browser, Page } from 'playwright-core';
import { build, type PreviewServer, preview } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { reasonToSkipBrowser, startChromium } from '../src/chromium.ts';
import { startWhole, type Whole } from '../src/whole.ts';

const skipped = reasonToSkipBrowser();
if (skipped) console.warn(`Skipped: ${skipped}`);

/** Longer than an order takes on a busy machine. */
const timeout = 60_000;

describe.skipIf(skipped !== undefined)('the page', () => {
  let server: PreviewServer;
  let whole: Whole;
  let browser: Browser;
  let origin: string;
  let token: string;

  beforeAll(async () => {
    const root = join(repositoryRoot, 'examples/web');
    const settings = { root, logLevel: 'warn', build: { outDir: '.orderflow/dist' } } as const;
    await build(settings);
    server = await preview({ ...settings, preview: { host: '127.0.0.1', port: 0 } });
    origin = new URL(server.resolvedUrls?.local[0] ?? '').origin;
    [whole, browser] = await Promise.all([
      startWhole('web-page', { CORS_ORIGINS: origin }, { auth: true }),
      startChromium(),
    ]);
    const issuer = whole.env['AUTH_ISSUER'] ?? '';
    token = await fetchPersonToken(issuer, { role: 'operator', subject: 'olga' });
  });
  afterAll(async () => {
    await browser?.close();
    await whole?.[Symbol.asyncDispose]();
    await server?.close();
  });

  /** Opens the page in a browser session of its own, with the address of the API and a token. */
  async function open({ protocol = 'Connect' } = {}): Promise<Page> {
    const page = await browser.newPage();
    page.setDefaultTimeout(timeout);
    await page.goto(origin);
    await page.getByText('Connection', { exact: true }).click();
    await page.getByLabel('API').fill(whole.services['order-api'].url);
    await page.getByLabel('Token').fill(token);
    await page.getByLabel(protocol, { exact: true }).check();
    return page;
  }

  const stateOf = (page: Page) => page.getByRole('log').getByRole('listitem').last();
  const reaches = (page: Page, state: string) => stateOf(page).filter({ hasText: state }).waitFor();
  const place = (page: Page) => page.getByRole('button', { name: 'Place order' }).click();
  const problemOf = (page: Page) => page.getByRole('alert');

  test.each([
    { protocol: 'Connect', type: 'application/connect+json' },
    { protocol: 'gRPC-Web', type: 'application/grpc-web+proto' },
  ])('shows an order from its placing to its end over $protocol', async ({ protocol, type }) => {
    const page = await open({ protocol });
    const watch = page.waitForResponse(
      (response) => response.url().endsWith('/WatchOrder') && response.request().method() === 'POST',
    );
    await place(page);
    expect((await watch).headers()['content-type']).toBe(type);
    await reaches(page, 'COMPLETED');
    expect(await page.getByRole('button', { name: 'Cancel order' }).isVisible()).toBe(false);
    expect(await page.getByRole('status').textContent()).toBe('86.39 USD');
    await page.close();
  });

  test('shows every reason of a refused order, over both protocols, and no order', async () => {
    for (const protocol of ['Connect', 'gRPC-Web']) {
      const page = await open({ protocol });
      await page.getByLabel('Customer').fill('c-50');
      await page.getByLabel('Product').fill('NOTHING001');
      await place(page);
      const reasons = problemOf(page).getByRole('listitem');
      await reasons.first().waitFor();
      expect((await reasons.allTextContents()).join()).toMatch(
        /\(CUSTOMER_INACTIVE\).*\(PRODUCT_NOT_FOUND\)/,
      );
      expect(await page.getByRole('log').isVisible()).toBe(false);
      await page.close();
    }
  });

  test('without a token it says that one is required, and with one the order is placed', async () => {
    const page = await open();
    await page.getByLabel('Token').fill('');
    await place(page);
    await problemOf(page).filter({ hasText: 'token' }).waitFor();
    await page.getByLabel('Token').fill(token);
    await place(page);
    await reaches(page, 'COMPLETED');
    expect(await problemOf(page).textContent()).toBe('');
    await page.close();
  });

  test('works with the keyboard only', async () => {
    const page = await open();
    await page.getByLabel('Customer').focus();
    await page.keyboard.press('Enter');
    await reaches(page, 'COMPLETED');
    await page.close();
  });

  test('cancels an order', async () => {
    const page = await open();
    whole.services.payment.freeze();
    try {
      await place(page);
      await reaches(page, 'RESERVED');
      await page.getByRole('button', { name: 'Cancel order' }).click();
      await reaches(page, 'CANCELLING');
    } finally {
      whole.services.payment.thaw();
    }
    await reaches(page, 'CANCELLED');
    await page.close();
  });

  test('an order that is sent twice at once is one order', async () => {
    const page = await open();
    await page.getByLabel('Customer').fill('c-2');
    await page.getByRole('button', { name: 'Place order' }).dblclick();
    await reaches(page, 'COMPLETED');
    expect((await whole.orders.listOrders({ customerId: 'c-2' })).orders).toHaveLength(1);
    await page.close();
  });

  test('while the API is stopped it says so; after that, and a kill, the end arrives by itself', async () => {
    const pages = [await open(), await open({ protocol: 'gRPC-Web' })];
    const { payment, 'order-api': api } = whole.services;
    payment.freeze();
    try {
      for (const page of pages) {
        await place(page);
        await reaches(page, 'RESERVED');
      }
      await api.stop();
      for (const page of pages) {
        await page.getByRole('status').filter({ hasText: 'Interrupted' }).waitFor();
        await place(page);
        await problemOf(page).filter({ hasText: 'cannot be reached' }).waitFor();
      }
      await api.start();
      for (const page of pages) await page.getByRole('status').filter({ hasText: 'Watching' }).waitFor();
      await api.kill();
      await api.start();
    } finally {
      payment.thaw();
    }
    for (const page of pages) {
      await reaches(page, 'COMPLETED');
      await page.close();
    }
  });
});
