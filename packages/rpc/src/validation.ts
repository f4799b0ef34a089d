import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { pathToString } from '@bufbuild/protobuf/reflect';
import { createValidator } from '@bufbuild/protovalidate';
import { type FieldViolation, invalidRequest } from './invalid-request.ts';

const validator = createValidator();

/** Details travel in a header, and clients give up on headers of 64 KiB (base64 and a second copy by some included). */
const DETAILS_MAX_CHARS = 24_000;
/** A path may hold a map key that the caller chose. */
const PATH_MAX_CHARS = 200;

/**
 * Checks a message against the rules of its contract.
 * @throws INVALID_REQUEST with every violation. Should they be too many for a header, the first ones and, as metadata
 * `violations`, their number.
 */
export function validateMessage<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): void {
  const result = validator.validate(schema, message);
  if (result.kind === 'valid') return;
  if (result.kind === 'error') throw result.error;

  const shown: FieldViolation[] = [];
  let chars = 0;
  for (const violation of result.violations) {
    const field = pathToString(violation.field).slice(0, PATH_MAX_CHARS);
    chars += field.length + violation.message.length + violation.ruleId.length;
    if (chars > DETAILS_MAX_CHARS) break;
    shown.push({ field, description: violation.message, reason: violation.ruleId });
  }
  throw invalidRequest(shown, result.violations.length);
}
