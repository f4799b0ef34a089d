import { whyNotFromPage } from '../clients/chromium.ts';
import { methodOf } from '../clients/connect-call.ts';
import type { Contracts } from '../clients/contracts.ts';
import { whyNotByGet } from '../clients/curl-connect.ts';
import { whyNotOverRest } from '../clients/curl-rest.ts';
import { calledBy } from './called.ts';
import type { CallStep, Case, Column } from './case-schema.ts';

/** Returns why a case cannot run in a column, as a footnote; undefined when it runs. */
export function whyImpossible(
  { only, except, steps }: Case,
  column: Column,
  contracts: Contracts,
): string | undefined {
  if (only !== undefined && !only.columns.includes(column)) return only.because;
  if (except[column] !== undefined) return except[column];
  for (const step of steps) {
    const reason = 'call' in step ? whyNotCalled(step, column, contracts) : undefined;
    if (reason !== undefined) return reason;
  }
  return undefined;
}

function whyNotCalled(step: CallStep, column: Column, contracts: Contracts): string | undefined {
  const { service, method: name, server } = calledBy(step);
  const { method } = methodOf(contracts.services, { service, method: name });
  switch (column) {
    case 'curl Connect GET':
      return whyNotByGet(method);
    case 'curl REST':
      return whyNotOverRest(method, contracts);
    case 'Chromium Connect':
    case 'Chromium gRPC-Web':
      return whyNotFromPage(server);
    default:
      return undefined;
  }
}
