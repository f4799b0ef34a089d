import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

export const compressGzip = promisify(gzip);

/** Whether a header Accept-Encoding has gzip, without a weight of 0. */
export const gzipAccepted = /(?:^|,)\s*gzip\s*(?:$|,|;(?!\s*q=0(?:\.0*)?\s*(?:$|,)))/i;
