import { toBinary } from '@bufbuild/protobuf';
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { TimestampSchema, timestampFromDate } from '@bufbuild/protobuf/wkt';
import { toMoney } from '@orderflow/contracts';
import { MoneySchema } from '@orderflow/contracts/google/type/money';
import type { ByteWriter } from './byte-writer.ts';

// Each function writes one field of a protobuf message, of a number below 16, as protobuf-es does: without presence, a
// zero value is not written.

/** The byte before a field of a length and so many bytes. */
export const delimited = (field: number) => (field << 3) | 2;
const varint = (field: number) => field << 3;

/** Writes a string. */
export function writeText(writer: ByteWriter, field: number, value: string): void {
  if (value === '') return;
  writer.byte(delimited(field));
  const start = writer.begin();
  writer.text(value);
  writer.end(start);
}

/** Writes an int32, an int64 or an enum. */
export function writeInteger(writer: ByteWriter, field: number, value: number | bigint): void {
  const number = Number(value);
  if (number === 0) return;
  writer.byte(varint(field));
  if (number > 0 && Number.isSafeInteger(number)) writer.varint(number);
  else writer.raw(new BinaryWriter().int64(value).finish());
}

/** Writes a `google.type.Money`, of minor units. */
export function writeMoney(writer: ByteWriter, field: number, amount: bigint, currency: string): void {
  writer.byte(delimited(field));
  const start = writer.begin();
  const number = Number(amount);
  if (number >= 0 && Number.isSafeInteger(number)) {
    writeText(writer, 1, currency);
    writeInteger(writer, 2, Math.floor(number / 100));
    writeInteger(writer, 3, (number % 100) * 10_000_000);
  } else {
    writer.raw(toBinary(MoneySchema, toMoney(amount, currency)));
  }
  writer.end(start);
}

/** Writes a `google.protobuf.Timestamp`. */
export function writeTime(writer: ByteWriter, field: number, time: Date): void {
  writer.byte(delimited(field));
  const start = writer.begin();
  const milliseconds = time.getTime();
  if (milliseconds >= 0) {
    const seconds = Math.floor(milliseconds / 1000);
    writeInteger(writer, 1, seconds);
    writeInteger(writer, 2, (milliseconds - 1000 * seconds) * 1_000_000);
  } else {
    writer.raw(toBinary(TimestampSchema, timestampFromDate(time)));
  }
  writer.end(start);
}
