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
} from 'mongodb';

/** Whether an error means that Postgres or MongoDB can't work now, so that no record is to blame. */
export function isOutage(error: unknown): boolean {
  return isPostgresOutage(error) || isMongoOutage(error);
}

function isMongoOutage(error: unknown): boolean {
  if (!(error instanceof MongoError) || isRefusedDocument(error)) return false;
  return (
    error instanceof MongoNetworkError ||
    error instanceof MongoNotConnectedError ||
    error instanceof MongoTopologyClosedError ||
    error instanceof MongoWriteConcernError ||
    // No server could be chosen.
    error instanceof MongoSystemError ||
    // Written, and not confirmed by enough members.
    error instanceof MongoBulkWriteError ||
    error.hasErrorLabel(MongoErrorLabel.RetryableWriteError)
  );
}

const bsonObjectTooLarge = 10_334;

/** Whether MongoDB, or its driver, said that it can't hold a document. */
export function isRefusedDocument(error: unknown): boolean {
  if (error instanceof MongoBulkWriteError) return [error.writeErrors].flat().length > 0;
  if (error instanceof MongoServerError && error.code === bsonObjectTooLarge) return true;
  // The driver refuses what is too large before it sends anything.
  return error instanceof MongoInvalidArgumentError || error instanceof RangeError;
}
