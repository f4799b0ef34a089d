import { Partitioners } from 'kafkajs';

const partitioner = Partitioners.DefaultPartitioner();

/** The partition to which our producers, and any that hash as Java's does, write records of a key. */
export function partitionOf(key: string, partitions: number): number {
  const partitionMetadata = Array.from({ length: partitions }, (_, partitionId) => ({
    partitionErrorCode: 0,
    partitionId,
    leader: 0,
    replicas: [],
    isr: [],
  }));
  // The topic matters only for records without a key.
  return partitioner({ topic: '', partitionMetadata, message: { key, value: null } });
}
