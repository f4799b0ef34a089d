import { defineEntity, p } from '@mikro-orm/postgresql';
import { appendOnlyTrigger } from '@orderflow/storage';

/** Ids sort by their bytes on every server, not by the rules of a language. */
const idCollation = 'C';

/** Table `charge`: a used key and its outcome. */
export const ChargeRow = defineEntity({
  name: 'Charge',
  tableName: 'charge',
  properties: {
    key: p.text().primary().collation(idCollation),
    orderId: p.text().collation(idCollation),
    customerId: p.text(),
    amount: p.bigint(),
    currency: p.text(),
    outcome: p.text().$type<'APPROVED' | 'DECLINED' | 'TEMPORARILY_DECLINED' | 'BLOCKED'>(),
    transactionId: p.text(),
    declineCode: p.text(),
    voided: p.boolean(),
    refundKey: p.text().collation(idCollation).nullable().unique(),
    refundTransactionId: p.text().nullable(),
  },
});

/** Table `ledger`: every movement of money. A trigger keeps it append-only. */
export const LedgerRow = defineEntity({
  name: 'Ledger',
  tableName: 'ledger',
  properties: {
    sequence: p.bigint().primary().autoincrement(false),
    kind: p.text().$type<'CHARGE' | 'VOID' | 'REFUND'>(),
    chargeKey: p.text().collation(idCollation),
    orderId: p.text().collation(idCollation),
    amount: p.bigint(),
    currency: p.text(),
    transactionId: p.text(),
    createTime: p.datetime(3),
  },
  triggers: [appendOnlyTrigger('ledger')],
  indexes: [{ name: 'ledger_order', properties: ['orderId', 'sequence'] }],
});

/** Table `ledger_head`: one row, with the number of the last movement. */
export const LedgerHeadRow = defineEntity({
  name: 'LedgerHead',
  tableName: 'ledger_head',
  properties: {
    single: p.boolean().primary(),
    last: p.bigint(),
  },
  checks: [{ name: 'ledger_head_single_check', property: 'single', expression: 'single' }],
});
