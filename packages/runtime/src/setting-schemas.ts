import { z } from 'zod';

// Every schema reads the text of an environment variable. Its message says what is expected, so that it reads the same
// for an invalid value and for a missing one.

function text(expected: string, pattern: RegExp) {
  return z.string(expected).regex(pattern, expected);
}

function whole(expected: string, min: number, max: number) {
  return text(expected, /^\d{1,16}$/)
    .transform(Number)
    .pipe(z.number().min(min, expected).max(max, expected));
}

/** A TCP port; 0 means "choose a free one". */
export const port = whole('a port from 0 to 65535 (0 chooses a free one)', 0, 65_535);

/** A whole number of at least 1. */
export const positiveInteger = whole('a whole number of at least 1', 1, Number.MAX_SAFE_INTEGER);

const orOff = 'a whole number of at least 1, or off';

/** A whole number of at least 1, or `off`. */
export const positiveIntegerOrOff = z.union([z.literal('off'), positiveInteger], { error: orOff });

const durationUnits: Record<string, number> = { '': 1, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A duration, read into whole milliseconds: `500` and `500ms` are 500, `2s` is 2000; also `m` and `h`. */
export const durationMs = withUnit('a duration such as 500, 500ms, 2s, 5m or 1h', durationUnits);

const byteUnits: Record<string, number> = { '': 1, B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** A size, read into bytes: `65536` and `64KiB` are the same; also `B`, `MiB` and `GiB`. */
export const byteSize = withUnit('a size in bytes such as 65536, 64KiB, 4MiB or 1GiB', byteUnits);

function withUnit(expected: string, units: Record<string, number>) {
  return text(expected, new RegExp(`^\\d{1,12}(${Object.keys(units).join('|')})$`))
    .transform((value) => Number.parseInt(value, 10) * (units[value.replace(/^\d+/, '')] ?? Number.NaN))
    .pipe(z.number().max(Number.MAX_SAFE_INTEGER, expected));
}

/**
 * A URL of one of the protocols, kept as written: `url('postgres', 'postgresql')`.
 * Several hosts, as MongoDB writes replica sets, are fine.
 */
export function url(...protocols: [string, ...string[]]) {
  const expected = `a URL starting with ${protocols.map((protocol) => `${protocol}://`).join(' or ')}`;
  return z.string(expected).refine((value) => {
    const [, protocol, authority] = /^([a-z][a-z0-9+.-]*):\/\/([^/?#\s]+)\S*$/.exec(value) ?? [];
    if (protocol === undefined || authority === undefined || !protocols.includes(protocol)) return false;
    // The platform's URL rejects the comma-separated hosts of a replica set, so each host is checked individually.
    const hosts = authority.slice(authority.lastIndexOf('@') + 1).split(',');
    return hosts.every((host) => URL.canParse(`http://${host}`));
  }, expected);
}

const isBroker = (address: string) =>
  /^[^\s:/@]+:[1-9]\d*$/.test(address) && URL.canParse(`http://${address}`);

/** Whether it is an exact origin: browsers send their origin literally, so a pattern would never match. */
const isOrigin = (origin: string) =>
  !origin.includes('*') && URL.canParse(origin) && new URL(origin).origin === origin;

const brokers = 'Kafka brokers as host:port, separated by commas';

/** Kafka brokers, `kafka-1:9092,kafka-2:9092`, read into a list of `host:port`. */
export const brokerList = z
  .string(brokers)
  .transform((value) => value.split(',').map((address) => address.trim()))
  .refine((addresses) => addresses.every(isBroker), brokers);

const originsExpected =
  'origins such as https://shop.example, each written out, separated by commas, or * for all';

/** Origins of web pages, `https://shop.example,https://admin.example`, or `*`, read into a list. No patterns. */
export const origins = z
  .string(originsExpected)
  .transform((value) => value.split(',').map((origin) => origin.trim()))
  .refine((all) => all.every((origin) => origin === '*' || isOrigin(origin)), originsExpected);
