import { type DescMessage, fromBinary, type MessageShape } from '@bufbuild/protobuf';
import { checkWireShape } from './wire-shape.ts';

/**
 * Decodes untrusted bytes: unknown fields are dropped, so that the memory of the message is bounded by the contract.
 * @throws ShapeError, before anything is decoded, when a list has too many elements or the bytes are not the
 * message; Error when a text in it is not UTF-8.
 */
export function decodeMessage<Desc extends DescMessage>(schema: Desc, bytes: Uint8Array): MessageShape<Desc> {
  checkWireShape(schema, bytes);
  return fromBinary(schema, bytes, { readUnknownFields: false });
}
