import { isPostgresOutage } from '@orderflow/storage';
import {
  MongoBulkWriteError,
  MongoError,
  MongoErrorLabel,
  MongoInvalidArgumentError,
  MongoNetworkError,
  MongoNotConnectedError,
  MongoServerError,
  MongoSystemError,
  MongoTopologyClosedError,
  MongoWriteConcernError,
  type WriteError,
} from 'mongodb';

/** Whether an error means that Postgres or MongoDB is unavailable, so that no record is to blame. */
export function isOutage(error: unknown): boolean {
  return isPostgresOutage(error) || isMongoOutage(error);
}

/** Codes with which MongoDB reports a problem of the server, not of the command. */
const serverCodes: ReadonlySet<number | string | undefined> = new Set([
  // Authentication: Unauthorized, AuthenticationFailed, ReauthenticationRequired, AtlasError.
  13, 18, 391, 8_000,
  // No primary, or about to change: PrimarySteppedDown, NotWritablePrimary, InterruptedAtShutdown,
  // InterruptedDueToReplStateChange, NotPrimaryNoSecondaryOk, NotPrimaryOrSecondary, ShutdownInProgress.
  189, 10_107, 11_600, 11_602, 13_435, 13_436, 91,
  // Resources: ExceededTimeLimit, OutOfDiskSpace.
  262, 14_031,
]);

function concernsServer(error: unknown): boolean {
  if (error instanceof MongoError && serverCodes.has(error.code)) return true;
  // Reported for some documents, while others were still written.
  return writeErrorsIn(error).some(({ code }) => serverCodes.has(code));
}

function isMongoOutage(error: unknown): boolean {
  if (!(error instanceof MongoError)) return false;
  if (concernsServer(error)) return true;
  if (isRefusedDocument(error)) return false;
  return (
    error instanceof MongoNetworkError ||
    error instanceof MongoNotConnectedError ||
    error instanceof MongoTopologyClosedError ||
    error instanceof MongoWriteConcernError ||
    // No server could be selected.
    error instanceof MongoSystemError ||
    // Refused as a whole, or written but not confirmed by enough members.
    error instanceof MongoBulkWriteError ||
    error.hasErrorLabel(MongoErrorLabel.RetryableWriteError)
  );
}

/** Whether MongoDB, or its driver, refused single documents. It may refuse all others too. */
export function isRefusedDocument(error: unknown): boolean {
  if (concernsServer(error)) return false;
  return writeErrorsIn(error).length > 0 || isTooLarge(error);
}

/** BSONObjectTooLarge, and of older servers: too large after an update. */
const sizeCodes: ReadonlySet<number | string | undefined> = new Set([10_334, 17_419]);

/** Whether a document is larger than MongoDB allows; the driver refuses most of these before it sends anything. */
export function isTooLarge(error: unknown): boolean {
  if (error instanceof MongoInvalidArgumentError || error instanceof RangeError) return true;
  return error instanceof MongoServerError && sizeCodes.has(error.code);
}

/** The errors of single documents of a bulk write. */
export function writeErrorsIn(error: unknown): WriteError[] {
  return error instanceof MongoBulkWriteError ? [error.writeErrors].flat() : [];
}
