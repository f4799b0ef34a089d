import { defineEntity, p } from '@mikro-orm/postgresql';

type Kind = 'CONFIRMED' | 'COMPLETED' | 'CANCELLED' | 'REJECTED' | 'REFUNDED' | 'MESSAGE';
type State = 'NEW' | 'READY' | 'SENDING' | 'SENT' | 'SKIPPED' | 'FAILED';

/** Table `mail`: a mail from its event to its end. The content, and the address, are cleared after 30 days. */
export const MailRow = defineEntity({
  name: 'Mail',
  tableName: 'mail',
  properties: {
    /** Sorts by its bytes on every server, not by the rules of a language. */
    id: p.text().primary().collation('C'),
    orderId: p.text(),
    customerId: p.text(),
    kind: p.text().$type<Kind>(),
    state: p.text().$type<State>(),
    /** What the event says, as JSON; null: the content is cleared. */
    draft: p.text().nullable(),
    recipient: p.text().default(''),
    subject: p.text().default(''),
    body: p.text().default(''),
    /** The bytes that are sent; null before it is rendered. */
    message: p.blob().nullable(),
    postponed: p.integer().default(0),
    attempts: p.integer().default(0),
    unknown: p.integer().default(0),
    lastDetail: p.text().default(''),
    /** When it is rendered; null: it is not NEW. */
    renderTime: p.datetime(3).nullable(),
    /** When it is sent; null: it is not READY or SENDING. */
    sendTime: p.datetime(3).nullable(),
    giveUpTime: p.datetime(3).nullable(),
    eventTime: p.datetime(3),
    createTime: p.datetime(3),
    updateTime: p.datetime(3),
  },
  indexes: [
    { name: 'mail_to_render', properties: ['renderTime'], where: 'render_time is not null' },
    { name: 'mail_to_send', properties: ['sendTime'], where: 'send_time is not null' },
    { name: 'mail_content', properties: ['createTime'], where: 'draft is not null' },
    { name: 'mail_order', properties: ['orderId', 'createTime', 'id'] },
    { name: 'mail_customer', properties: ['customerId', 'createTime', 'id'] },
    { name: 'mail_state', properties: ['state', 'createTime', 'id'] },
    { name: 'mail_create_time', properties: ['createTime', 'id'] },
  ],
});
