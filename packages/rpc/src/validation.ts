import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { pathToString } from '@bufbuild/protobuf/reflect';
import { createValidator, type Violation } from '@bufbuild/protovalidate';
import type { ConnectError } from '@connectrpc/connect';
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
  throw violated(result.violations.map(toFieldViolation));
}

/** Returns every violation of the rules of the contract. */
export function violationsOf<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
): FieldViolation[] {
  const result = validator.validate(schema, message);
  return result.kind === 'invalid' ? result.violations.map(toFieldViolation) : [];
}

/** Creates INVALID_REQUEST with the first violations, see {@link validateMessage}. */
export function violated(violations: readonly FieldViolation[]): ConnectError {
  return invalidRequest(violations.slice(0, MAX_VIOLATIONS), violations.length);
}

function toFieldViolation({ field, message, ruleId }: Violation): FieldViolation {
  // A path may contain a map key that the caller chose.
  return { field: echoed(pathToString(field)), description: message, reason: ruleId };
}
