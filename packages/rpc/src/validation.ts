import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { pathToString } from '@bufbuild/protobuf/reflect';
import { createValidator } from '@bufbuild/protovalidate';
import { type FieldViolation, invalidRequest } from './invalid-request.ts';
import { echoed } from './short-text.ts';

const validator = createValidator();

/** More than a caller corrects at once; the others are only counted. */
const MAX_VIOLATIONS = 50;

/**
 * Checks a message against the rules of its contract.
 * @throws INVALID_REQUEST with at most 50 violations, of which as many reach the caller as fit into headers; metadata
 * `violations` is their total number.
 */
export function validateMessage<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): void {
  const result = validator.validate(schema, message);
  if (result.kind === 'valid') return;
  if (result.kind === 'error') throw result.error;

  const violations = result.violations.slice(0, MAX_VIOLATIONS).map(
    (violation): FieldViolation => ({
      // A path may contain a map key that the caller chose.
      field: echoed(pathToString(violation.field)),
      description: violation.message,
      reason: violation.ruleId,
    }),
  );
  throw invalidRequest(violations, result.violations.length);
}
