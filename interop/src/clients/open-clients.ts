import { spawnSync } from 'node:child_process';
import { reasonToSkipBrowser } from '@orderflow/e2e/chromium';
import { reasonToSkipPython } from '@orderflow/e2e/python';
import type { Column } from '../cases/case-schema.ts';
import { buildGo, reasonToSkipGo } from '../go.ts';
import { buildPython } from '../python.ts';
import { bufProgram, createBufCurl } from './buf-curl.ts';
import type { BrowserPage } from './chromium.ts';
import type { Client } from './client.ts';
import { createConnectEs } from './connect-es.ts';
import type { Contracts } from './contracts.ts';
import { createCurlConnect, createCurlConnectGet } from './curl-connect.ts';
import { createCurlRest } from './curl-rest.ts';
import { startDriver } from './driver.ts';
import { createGrpcJs } from './grpc-js.ts';
import { createGrpcurl } from './grpcurl.ts';

/** Returns why a column cannot run on this machine; undefined when it runs. */
export function reasonToSkip(column: Column): string | undefined {
  if (['grpcurl', 'connect-go', 'grpc-go'].includes(column)) return reasonToSkipGo();
  if (['grpcio', 'connectrpc'].includes(column)) return reasonToSkipPython();
  if (column.startsWith('curl')) return reasonToSkipCurl();
  return column.startsWith('Chromium') ? reasonToSkipBrowser() : undefined;
}

function reasonToSkipCurl(): string | undefined {
  const isThere = spawnSync('curl', ['--version']).status === 0;
  return process.env['CI'] || isThere
    ? undefined
    : 'curl is not installed (no `curl` on PATH): on Debian, apt-get install curl.';
}

/** What clients are made of. `page`: where there is a browser. */
export interface Parts {
  readonly contracts: Contracts;
  readonly apiUrl: string;
  readonly page: BrowserPage | undefined;
}

/** Builds and starts the clients of all columns that run on this machine. */
export async function openClients({ contracts, apiUrl, page }: Parts): Promise<ReadonlyMap<Column, Client>> {
  const clients = new Map<Column, Client>([
    ['buf curl', createBufCurl({ buf: bufProgram(), ...contracts })],
    ['curl Connect', createCurlConnect(contracts)],
    ['curl Connect GET', createCurlConnectGet(contracts)],
    ['curl REST', createCurlRest(contracts, apiUrl)],
    ['grpc-js', createGrpcJs(contracts)],
    ['Connect-ES', createConnectEs(contracts)],
  ]);
  if (reasonToSkipGo() === undefined) {
    const { grpcurl, protoset, client } = await buildGo();
    clients.set('grpcurl', createGrpcurl({ grpcurl, protoset }));
    clients.set('connect-go', startDriver(client, ['connect']));
    clients.set('grpc-go', startDriver(client, ['grpc']));
  }
  if (reasonToSkipPython() === undefined) {
    const { client, env } = await buildPython();
    for (const kind of ['grpcio', 'connectrpc'] as const) {
      clients.set(kind, startDriver('python3', [client, kind], env));
    }
  }
  if (page) {
    clients.set('Chromium Connect', page.client('connect', apiUrl));
    clients.set('Chromium gRPC-Web', page.client('grpc-web', apiUrl));
  }
  return clients;
}
