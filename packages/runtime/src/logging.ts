import { type DestinationStream, type LevelWithSilent, type Logger as PinoLogger, pino } from 'pino';
import { MASK, maskUrlPasswords } from './mask.ts';
import { currentTrace } from './tracing.ts';

/** Writes one JSON object per line. Field names are snake_case; an error goes into `err`. */
export type Logger = PinoLogger;

const secretKeys = ['password', 'secret', 'token', 'authorization', 'cookie', 'api_key', 'apiKey'];

/**
 * Creates a logger whose lines carry `time` (ISO 8601, UTC), `level`, `service`, `role`, `pid`, and inside `withTrace`
 * also `trace_id` and `order_id`. Values under well-known secret names and passwords in error texts are masked.
 * Writes to stdout, synchronously, so that the last line before an exit is not lost.
 */
export function createLogger(options: {
  service: string;
  role?: string;
  level: LevelWithSilent;
  destination?: DestinationStream;
}): Logger {
  const { service, role, level, destination = pino.destination({ dest: 1, sync: true }) } = options;
  return pino(
    {
      level,
      base: { service, ...(role !== undefined && { role }), pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      mixin: traceFields,
      serializers: { err: describeError },
      redact: {
        paths: secretKeys.flatMap((key) => [key, `*.${key}`, `*.headers.${key}`]),
        censor: MASK,
      },
    },
    destination,
  );
}

function traceFields(): Record<string, string> {
  const trace = currentTrace();
  if (trace === undefined) return {};
  return { trace_id: trace.traceId, ...(trace.orderId !== undefined && { order_id: trace.orderId }) };
}

function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const described = pino.stdSerializers.err(error);
  // pino appends the messages of the causes, though they are in the stack; and drivers put whole connection strings
  // into their messages.
  described.message = maskUrlPasswords(error.message);
  described.stack = maskUrlPasswords(described.stack);
  // Of Connect's errors: the schemas of all details, 2 KiB that say nothing.
  delete described['details'];
  return described;
}
