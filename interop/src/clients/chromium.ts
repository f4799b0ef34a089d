import { join } from 'node:path';
import { startChromium } from '@orderflow/e2e/chromium';
import { build, preview } from 'vite';
import { interop, output } from '../builds.ts';
import type { Server } from '../cases/case-schema.ts';
import type { Call, Client, Ending } from './client.ts';
import type { Contracts } from './contracts.ts';

/** A page in Chromium that makes calls with Connect-Web. */
export interface BrowserPage {
  /** The origin of the page, which is another one than that of the services. */
  readonly origin: string;
  /** Returns the client that speaks this protocol. Only the process at `apiUrl` answers pages of other origins. */
  client(protocol: 'connect' | 'grpc-web', apiUrl: string): Client;
  stop(): Promise<void>;
}

declare const callOrderflow: (protocol: string, call: Call) => Promise<Ending>;

/** Builds the page with the generated code, serves it and opens it in Chromium. */
export async function openBrowserPage({ module }: Contracts): Promise<BrowserPage> {
  const settings = {
    configFile: false,
    root: join(interop, 'web'),
    logLevel: 'error',
    resolve: { alias: { contracts: module } },
    build: { outDir: join(output, 'web'), emptyOutDir: true },
  } as const;
  await build(settings);
  const server = await preview({ ...settings, preview: { host: '127.0.0.1', port: 0 } });
  const origin = new URL(server.resolvedUrls?.local[0] ?? '').origin;
  const browser = await startChromium();
  const pages = new Map<string, Promise<Awaited<ReturnType<typeof open>>>>();
  // Pages of one context share six connections to a server.
  async function open() {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(origin);
    await page.waitForFunction(() => 'callOrderflow' in globalThis);
    return page;
  }
  return {
    origin,
    client(protocol, apiUrl) {
      const page = pages.get(protocol) ?? open();
      pages.set(protocol, page);
      return {
        call: async (call) => {
          if (call.url !== apiUrl) throw new Error(`a page cannot call ${call.url}`);
          return (await page).evaluate(
            ([how, what]: string[]) => callOrderflow(how ?? '', JSON.parse(what ?? '')),
            [protocol, JSON.stringify(call)],
          );
        },
      };
    },
    async stop() {
      await browser.close();
      await server.close();
    },
  };
}

/** Returns why a page cannot call this process; undefined when it can. */
export function whyNotFromPage(server: Server): string | undefined {
  return server === 'order-api'
    ? undefined
    : 'a page can only call a process that allows its origin, which is the order API';
}
