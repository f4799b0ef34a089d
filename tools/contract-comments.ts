import { createFileRegistry, type DescFile, fromBinary } from '@bufbuild/protobuf';
import { nestedTypes } from '@bufbuild/protobuf/reflect';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { getComments } from '@bufbuild/protoplugin';

/**
 * Returns the comments of our contracts in a descriptor set, by full name: `orderflow.order.v1.Order`,
 * `orderflow.order.v1.Order.order_id`. The lines of a paragraph are joined.
 */
export function contractComments(descriptorSet: Uint8Array): Record<string, string> {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptorSet));
  const entries = [...registry.files]
    .filter(({ proto }) => proto.package.startsWith('orderflow.'))
    .flatMap(commentsOf)
    .filter(([, comment]) => comment !== '')
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries);
}

type Commented = Parameters<typeof getComments>[0];

function commentsOf(file: DescFile): [name: string, comment: string][] {
  return [...nestedTypes(file)].flatMap((desc) => [
    ...commentOf(desc.typeName, desc),
    ...membersOf(desc).flatMap((member) => commentOf(`${desc.typeName}.${member.name}`, member)),
  ]);
}

function membersOf(desc: Exclude<Commented, { kind: 'oneof' }>): Exclude<Commented, { typeName: string }>[] {
  switch (desc.kind) {
    case 'message':
      return [...desc.fields, ...desc.oneofs];
    case 'enum':
      return desc.values;
    case 'service':
      return desc.methods;
    default:
      return [];
  }
}

function commentOf(name: string, desc: Commented): [string, string][] {
  const { leading = '' } = getComments(desc);
  return [[name, leading.trim().replaceAll(/\n +/g, ' ')]];
}
