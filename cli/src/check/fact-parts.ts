import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { crc32 } from 'node:zlib';

/** A part is written to its file when it has collected this much. */
const FLUSH_BYTES = 32 * 1024;

/**
 * Stores facts about orders in files, partitioned by order id, so that all facts about the same orders can be compared
 * together, some orders at a time: memory does not grow with the number of orders.
 */
export interface FactParts<Fact> extends Disposable {
  /** `orderId`: undefined for a fact without an order. */
  add(orderId: string | undefined, fact: Fact): void;
  /** Returns all facts, those of one order in the same part, in the order they were added. */
  parts(): Iterable<Fact[]>;
}

/** @param count the number of parts, at least 1. */
export function openFactParts<Fact>(count: number): FactParts<Fact> {
  const folder = mkdtempSync(join(tmpdir(), 'orders-check-'));
  const waiting = Array.from({ length: count }, () => ({ chunks: [] as Buffer[], bytes: 0 }));
  const fileOf = (part: number) => join(folder, String(part));

  function flush(part: number): void {
    const open = waiting[part];
    if (open === undefined || open.bytes === 0) return;
    appendFileSync(fileOf(part), Buffer.concat(open.chunks));
    waiting[part] = { chunks: [], bytes: 0 };
  }

  return {
    add(orderId, fact) {
      const part = crc32(orderId ?? '') % count;
      const bytes = serialize(fact);
      const length = Buffer.alloc(4);
      length.writeUInt32LE(bytes.length);
      const open = waiting[part];
      if (open === undefined) return;
      open.chunks.push(length, bytes);
      open.bytes += length.length + bytes.length;
      if (open.bytes >= FLUSH_BYTES) flush(part);
    },

    *parts() {
      for (let part = 0; part < count; part++) {
        flush(part);
        yield existsSync(fileOf(part)) ? readAll<Fact>(readFileSync(fileOf(part))) : [];
      }
    },

    [Symbol.dispose]() {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function readAll<Fact>(bytes: Buffer): Fact[] {
  const facts: Fact[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 4 + bytes.readUInt32LE(at);
    facts.push(deserialize(bytes.subarray(at + 4, end)) as Fact);
    at = end;
  }
  return facts;
}
