import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { pathToString } from '@bufbuild/protobuf/reflect';
import { createValidator } from '@bufbuild/protovalidate';
import { fitting } from './details-size.ts';
import { type FieldViolation, invalidRequest } from './invalid-request.ts';

const validator = createValidator();

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

  const violations = result.violations.map(
    (violation): FieldViolation => ({
      field: pathToString(violation.field).slice(0, PATH_MAX_CHARS),
      description: violation.message,
      reason: violation.ruleId,
    }),
  );
  throw invalidRequest(fitting(violations), violations.length);
}
