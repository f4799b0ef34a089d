import { BSON, ObjectId } from 'mongodb';

/** A document whose elements after `_id` are encoded already. */
export interface EncodedDocument {
  readonly _id: string;
  readonly '': EncodedElements;
}

/**
 * Elements of a document that are encoded already. The driver has no insert of bytes; it takes objects of BSON types,
 * and lets an ObjectId write its own bytes. This one writes over the type and the empty name that precede it too, so
 * that all elements stand where it stands in its document. Everything else remains the driver's: sizes, batches,
 * retries, errors.
 */
class EncodedElements extends ObjectId {
  readonly #elements: Uint8Array;

  constructor(elements: Uint8Array) {
    super(noId);
    this.#elements = elements;
  }

  /** Called by the driver, which has written two bytes before `at`; returns how many bytes after it are written. */
  serializeInto(document: Uint8Array, at: number): number {
    document.set(this.#elements, at - 2);
    return this.#elements.length - 2;
  }
}
const noId = new Uint8Array(12);

/** Returns a document for the driver, with these elements after its id. */
export function encodedDocument(id: string, elements: Uint8Array): EncodedDocument {
  return { _id: id, '': new EncodedElements(elements) };
}

/** Whether the driver at hand encodes such documents as meant: how it calls an ObjectId is not documented. */
export const takesEncodedDocuments: boolean = (() => {
  const document = { _id: 'é', number: 7, inner: { text: 'after' } };
  const expected = BSON.serialize(document);
  const { _id, ...elements } = document;
  try {
    const encoded = encodedDocument(_id, BSON.serialize(elements).slice(4, -1));
    return Buffer.compare(BSON.serialize(encoded), expected) === 0;
  } catch {
    return false;
  }
})();
