import type { DescEnum, DescField, DescMessage, DescMethod, DescService } from '@bufbuild/protobuf';
import type { Code } from '@connectrpc/connect';
import { codeFromString } from '@connectrpc/connect/protocol-connect';
import comments from '@orderflow/contracts/comments.json' with { type: 'json' };

const commentOf: Readonly<Record<string, string | undefined>> = comments;

/** What the contract says about a field, a message, an enum, one of its values, or a service. */
export interface Documentation {
  /** Empty when there is no comment. */
  readonly text: string;
  /** The value in `Example: "c-1"`. */
  readonly example: string | undefined;
}

export function documentationOf(desc: DescMessage | DescEnum | DescService): Documentation {
  return documentationNamed(desc.typeName);
}

export function documentationOfMember(
  parent: DescMessage | DescEnum,
  { name }: DescField | DescEnum['values'][number],
): Documentation {
  return documentationNamed(`${parent.typeName}.${name}`);
}

function documentationNamed(fullName: string): Documentation {
  const comment = commentOf[fullName] ?? '';
  const example = /\bExample: "([^"]*)"\.?/.exec(comment);
  if (example === null) return { text: comment, example: undefined };
  return { text: comment.replace(example[0], '').trim(), example: example[1] };
}

/** What the contract says about a method. */
export interface MethodDocumentation {
  /** The first sentence, or its first half, without its full stop. */
  readonly summary: string;
  /** The rest of it, except for the errors. */
  readonly text: string;
  /** What the comment has after `Errors:`, such as `NOT_FOUND (ORDER_NOT_FOUND)`. */
  readonly errors: readonly NamedError[];
  /** The same as the comment has it, with when they happen; without its full stop, and empty when it names none. */
  readonly errorsText: string;
}

export interface NamedError {
  readonly reason: string;
  readonly code: Code;
}

/** A sentence ends with a full stop that white space or the end follows. */
const errorsSentence = /\s*\bErrors: .*?\.(?=\s|$)/s;

export function documentationOfMethod({ parent, name }: DescMethod): MethodDocumentation {
  const comment = commentOf[`${parent.typeName}.${name}`] ?? '';
  const [sentenceOfErrors = ''] = errorsSentence.exec(comment) ?? [];
  const text = comment.replace(sentenceOfErrors, '').trim();
  const [sentence, summary = text, end] = /^(.*?)([.:;])(?:\s|$)/s.exec(text) ?? [text];
  const errors = [...sentenceOfErrors.matchAll(/\b([A-Z_]+) \(([A-Z_]+)\b/g)].flatMap(
    ([, name = '', reason = '']) => {
      const code = codeFromString(name.toLowerCase());
      return code === undefined ? [] : [{ reason, code }];
    },
  );
  const errorsText = sentenceOfErrors.trim().replace(/^Errors: |\.$/g, '');
  return { summary, text: end === '.' ? text.slice(sentence.length) : text, errors, errorsText };
}
