import { promisify } from 'node:util';
import { gunzip, gzip, zstdCompress, zstdDecompress } from 'node:zlib';
import kafkajs from 'kafkajs';
import { compressFrame, decompressFrame } from 'lz4-napi';
import snappy from 'snappyjs';

/** What one record batch may expand to. A producer sends at most 1 MiB at once by default, compressed. */
export const MAX_EXPANDED_BYTES = 16 * 1_048_576;

const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);
const XERIAL_HEADER_BYTES = 16;
const LZ4_MAGIC = 0x184d2204;

interface Codec {
  compress(data: Buffer): Promise<Buffer>;
  /** @throws where the data is broken, or expands beyond {@link MAX_EXPANDED_BYTES} */
  decompress(data: Buffer): Promise<Buffer>;
}

/** The codecs that Kafka knows, by the names its producers have for them. */
export const codecs: Readonly<Record<'gzip' | 'snappy' | 'lz4' | 'zstd', Codec>> = {
  gzip: {
    compress: promisify(gzip),
    decompress: (data) => promisify(gunzip)(data, { maxOutputLength: MAX_EXPANDED_BYTES }),
  },
  snappy: {
    compress: async (data) => snappy.compress(data),
    decompress: async (data) =>
      isXerial(data) ? uncompressBlocks(data) : uncompress(data, MAX_EXPANDED_BYTES),
  },
  lz4: {
    compress: (data) => compressFrame(data),
    async decompress(data) {
      assertLz4Bound(data);
      return decompressFrame(data);
    },
  },
  zstd: {
    compress: promisify(zstdCompress),
    decompress: (data) => promisify(zstdDecompress)(data, { maxOutputLength: MAX_EXPANDED_BYTES }),
  },
};

/**
 * Registers all codecs with kafkajs, which supports gzip only, without a limit, and stops the consumer at any other.
 */
export function registerCodecs(): void {
  const { CompressionCodecs, CompressionTypes } = kafkajs;
  const register = (type: keyof typeof CompressionCodecs, { compress, decompress }: Codec) => {
    CompressionCodecs[type] = () => ({
      compress: ({ buffer }: { buffer: Buffer }) => compress(buffer),
      decompress,
    });
  };
  register(CompressionTypes.GZIP, codecs.gzip);
  register(CompressionTypes.Snappy, codecs.snappy);
  register(CompressionTypes.LZ4, codecs.lz4);
  register(CompressionTypes.ZSTD, codecs.zstd);
}

/** The format in which the Java client writes Snappy: a header, then blocks, each prefixed with its length. */
function isXerial(data: Buffer): boolean {
  return data.length >= XERIAL_HEADER_BYTES && data.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC);
}

function uncompressBlocks(data: Buffer): Buffer {
  const blocks: Buffer[] = [];
  let left = MAX_EXPANDED_BYTES;
  for (let start = XERIAL_HEADER_BYTES; start < data.length; ) {
    const length = data.readUInt32BE(start);
    const block = uncompress(data.subarray(start + 4, start + 4 + length), left);
    blocks.push(block);
    left -= block.length;
    start += 4 + length;
  }
  return Buffer.concat(blocks);
}

function uncompress(data: Buffer, maxBytes: number): Buffer {
  return snappy.uncompress(data, maxBytes);
}

/** Checks the size before anything is allocated: a block of a frame holds at most what the frame's header says. */
function assertLz4Bound(data: Buffer): void {
  if (data.length < 7 || data.readUInt32LE(0) !== LZ4_MAGIC) throw new Error('not an LZ4 frame');
  const flags = data.readUInt8(4);
  const maxBlockBytes = 1 << (8 + 2 * ((data.readUInt8(5) >> 4) & 7));
  const [hasBlockSum, hasSize, hasContentSum, hasDictionary] = [0x10, 0x08, 0x04, 0x01].map(
    (flag) => (flags & flag) !== 0,
  );
  let at = 7 + (hasSize ? 8 : 0) + (hasDictionary ? 4 : 0);
  let bytes = 0;
  for (let size = data.readUInt32LE(at); size !== 0; size = data.readUInt32LE(at)) {
    const isStored = size >>> 31 === 1;
    const length = size & 0x7fffffff;
    bytes += isStored ? length : maxBlockBytes;
    if (bytes > MAX_EXPANDED_BYTES) throw new Error(`it may expand to more than ${MAX_EXPANDED_BYTES} bytes`);
    at += 4 + length + (hasBlockSum ? 4 : 0);
  }
  if (at + 4 + (hasContentSum ? 4 : 0) !== data.length)
    throw new Error('unexpected bytes after the LZ4 frame');
}
