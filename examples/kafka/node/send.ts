// Sends four orders, as protobuf and as JSON, each with a key and without. Argument: what their ids begin with.
// Environment: KAFKA_BROKERS, ORDERS_TOPIC, COMPRESSION (none, gzip or zstd).
import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import { create, toBinary } from '@bufbuild/protobuf';
import kafkajs from 'kafkajs';
import { OrderSubmittedSchema } from './gen/orderflow/order/event/v1/order_submitted_pb.ts';

const { CompressionCodecs, CompressionTypes, Kafka, Partitioners } = kafkajs;
// kafkajs brings gzip, Node the other.
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: ({ buffer }: { buffer: Buffer }) => promisify(zstdCompress)(buffer),
  decompress: promisify(zstdDecompress),
});
const compressions = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  zstd: CompressionTypes.ZSTD,
};

function protobuf(orderId: string): Buffer {
  const reference = { case: 'sku' as const, value: 'MOUSE001' };
  const order = { orderId, customerId: 'c-1', lines: [{ reference, quantity: 2n }] };
  return Buffer.from(toBinary(OrderSubmittedSchema, create(OrderSubmittedSchema, order)));
}

function plainJson(orderId: string): string {
  const products = [{ sku: 'MOUSE001', quantity: 2 }];
  return JSON.stringify({ orderId, customerId: 'c-1', products });
}

const [, , id] = process.argv;
const { KAFKA_BROKERS = 'localhost:9092', ORDERS_TOPIC = 'orders', COMPRESSION = 'none' } = process.env;
if (!id || !(COMPRESSION in compressions))
  throw new Error('usage: [COMPRESSION=none|gzip|zstd] node send.ts ID');
const kafka = new Kafka({ brokers: KAFKA_BROKERS.split(',') });
const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
await producer.connect();
try {
  // An order is sent once the broker has acknowledged it: send waits for that.
  await producer.send({
    topic: ORDERS_TOPIC,
    compression: compressions[COMPRESSION as keyof typeof compressions],
    messages: [
      { value: protobuf(`${id}-protobuf`) },
      { value: protobuf(`${id}-protobuf-keyed`), key: id },
      { value: plainJson(`${id}-json`) },
      { value: plainJson(`${id}-json-keyed`), key: id },
    ],
  });
} finally {
  await producer.disconnect();
}
