// Writes docs/asyncapi.json, the description of topics and events; with --check only compares. Either way AsyncAPI's
// parser must have nothing to say about the document, and its examples must be what it says.
import { Parser } from '@asyncapi/parser';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { asyncApiOf } from '../packages/asyncapi/src/index.ts';
import { finish } from './generated.ts';

/** The used parts of a message of the document. */
interface Message {
  readonly headers: object;
  readonly examples: readonly { readonly headers?: unknown; readonly payload?: unknown }[];
}

const document = asyncApiOf();
const text = `${JSON.stringify(document, undefined, 2)}\n`;

async function diagnostics(): Promise<string[]> {
  const { diagnostics } = await new Parser().parse(text);
  return diagnostics.map(({ message, path }) => `docs/asyncapi.json at ${path.join('/')}: ${message}`);
}

function wrongExamples(): string[] {
  const ajv = new Ajv2020({ strict: false });
  addFormats.default(ajv);
  ajv.addSchema(document, 'asyncapi.json');
  const { messages } = document['components'] as unknown as { messages: Record<string, Message> };
  const check = (name: string, part: 'headers' | 'payload', example: unknown): string[] => {
    const pointer = `#/components/messages/${name}/${part}`;
    return ajv.validate({ $ref: `asyncapi.json${pointer}` }, example)
      ? []
      : [`the example at ${pointer}: ${ajv.errorsText(ajv.errors)}`];
  };
  return Object.entries(messages).flatMap(([name, { examples }]) =>
    examples.length === 0
      ? [`the message ${name} has no example`]
      : examples.flatMap(({ headers = {}, payload }) => [
          ...check(name, 'headers', headers),
          ...check(name, 'payload', payload),
        ]),
  );
}

finish(new Map([['docs/asyncapi.json', text]]), [...(await diagnostics()), ...wrongExamples()]);
