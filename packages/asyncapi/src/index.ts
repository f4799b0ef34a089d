import type { EventDocs } from '@orderflow/rpc';
import { asyncApiOf } from './document.ts';
import { htmlOf } from './page/page.ts';

export { type Applications, applications } from './applications.ts';
export { type Event, eventFiles, events } from './events.ts';
export { deadLetterHeaders, eventHeaderSchemas } from './headers.ts';
export { asyncApiOf, htmlOf };

/** Describes the topics and events of orderflow, for programs and for people. */
export function eventDocs(): EventDocs {
  const document = asyncApiOf();
  return { document, html: htmlOf(document) };
}
