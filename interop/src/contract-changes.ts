// What can be changed in the contracts, as changes of their descriptors.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clone, create, fromBinary } from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  DescriptorProtoSchema,
  type EnumDescriptorProto,
  EnumValueDescriptorProtoSchema,
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FieldDescriptorProtoSchema,
  type FileDescriptorProto,
  type FileDescriptorSet,
  FileDescriptorSetSchema,
  MethodDescriptorProtoSchema,
  MethodOptions_IdempotencyLevel,
  type ServiceDescriptorProto,
} from '@bufbuild/protobuf/wkt';
import { exportContracts } from './builds.ts';

/** One kind of change. */
export interface ContractChange {
  /** As in the table of docs/contract-changes.md. */
  readonly name: string;
  /** Whether `pnpm check` accepts it. */
  readonly isAccepted: boolean;
  /** Makes it, as an example. */
  readonly apply: (contract: FileDescriptorSet) => void;
}

/** The numbers of what is added: far above all that a contract has, so that they stay free. */
export const addedNumber = 1000;

/** The changes of the first table in docs/contract-changes.md, in its order. */
export const contractChanges: readonly ContractChange[] = [
  {
    name: 'a field is added to a response or an event',
    isAccepted: true,
    apply(contract) {
      addText(message(contract, 'orderflow.order.v1.Order'), 'gift_note');
      addText(message(contract, 'orderflow.order.event.v1.OrderCancelled'), 'gift_note');
    },
  },
  {
    name: 'a field is added to a request',
    isAccepted: true,
    apply: (contract) => addText(message(contract, 'orderflow.order.v1.GetOrderRequest'), 'language'),
  },
  {
    name: 'a value is added to an enum',
    isAccepted: true,
    apply(contract) {
      addValue(enumOf(message(contract, 'orderflow.order.v1.Order'), 'State'), 'STATE_ARCHIVED');
      const { enumType } = file(contract, 'orderflow/order/event/v1/order_events.proto');
      addValue(named(enumType, 'CancelReason'), 'CANCEL_REASON_FRAUD');
    },
  },
  {
    name: 'a choice is added to a oneof',
    isAccepted: true,
    apply(contract) {
      const { field } = message(contract, 'orderflow.order.v1.OrderLine');
      const sku = named(field, 'sku');
      const added = { name: 'gtin', jsonName: 'gtin', number: addedNumber };
      // The fields of a oneof stand side by side.
      field.splice(field.indexOf(sku), 0, { ...clone(FieldDescriptorProtoSchema, sku), ...added });
    },
  },
  {
    name: 'an RPC is added',
    isAccepted: true,
    apply(contract) {
      const { method } = orderService(contract);
      const archive = clone(MethodDescriptorProtoSchema, named(method, 'GetOrder'));
      // Its path in REST would be the same.
      method.push({ ...archive, name: 'GetArchivedOrder', options: undefined });
    },
  },
  {
    name: 'an event is added',
    isAccepted: true,
    apply(contract) {
      const events = file(contract, 'orderflow/order/event/v1/order_events.proto');
      const added = clone(DescriptorProtoSchema, named(events.messageType, 'OrderReserved'));
      events.messageType.push({ ...added, name: 'OrderArchived' });
    },
  },
  {
    name: 'a field is removed',
    isAccepted: false,
    apply: ({ file }) => remove(message({ file }, 'orderflow.order.v1.Order').field, 'transaction_id'),
  },
  {
    name: 'a field is renamed',
    isAccepted: false,
    apply(contract) {
      const field = named(message(contract, 'orderflow.order.v1.Order').field, 'transaction_id');
      Object.assign(field, { name: 'charge_id', jsonName: 'chargeId' });
    },
  },
  {
    name: 'a field has another number',
    isAccepted: false,
    apply(contract) {
      named(message(contract, 'orderflow.order.v1.Order').field, 'transaction_id').number = addedNumber;
    },
  },
  {
    name: 'a field has another type',
    isAccepted: false,
    apply(contract) {
      const { field } = message(contract, 'orderflow.order.v1.NewOrderLine');
      named(field, 'quantity').type = FieldDescriptorProto_Type.INT32;
    },
  },
  {
    name: 'a field becomes repeated, or no longer is',
    isAccepted: false,
    apply(contract) {
      const { field } = message(contract, 'orderflow.order.v1.Order');
      named(field, 'transaction_id').label = FieldDescriptorProto_Label.REPEATED;
    },
  },
  {
    name: 'a value of an enum is removed, renamed or renumbered',
    isAccepted: false,
    apply(contract) {
      const { value } = enumOf(message(contract, 'orderflow.order.v1.Order'), 'State');
      named(value, 'STATE_CANCELLING').name = 'STATE_UNDOING';
    },
  },
  {
    name: 'an RPC is removed or renamed',
    isAccepted: false,
    apply: (contract) => remove(orderService(contract).method, 'GetOrderStatus'),
  },
  {
    name: 'an event or another message is removed',
    isAccepted: false,
    apply: (contract) =>
      remove(file(contract, 'orderflow/order/event/v1/order_events.proto').messageType, 'OrderRefunded'),
  },
  {
    name: 'an RPC may no longer be repeated',
    isAccepted: false,
    apply(contract) {
      const { options } = named(orderService(contract).method, 'CancelOrder');
      if (options) options.idempotencyLevel = MethodOptions_IdempotencyLevel.IDEMPOTENCY_UNKNOWN;
    },
  },
];

/** Today's contracts, as `pnpm proto export` writes them: a FileDescriptorSet. */
export async function exportedDescriptors(): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), 'orderflow-export-'));
  await exportContracts(folder);
  const descriptors = await readFile(join(folder, 'descriptors.binpb'));
  await rm(folder, { recursive: true });
  return descriptors;
}

/** The contracts after these changes. `descriptors`: a FileDescriptorSet, as `pnpm proto export` writes it. */
export function changed(descriptors: Uint8Array, changes: readonly ContractChange[]): FileDescriptorSet {
  const contract = fromBinary(FileDescriptorSetSchema, descriptors);
  for (const { apply } of changes) apply(contract);
  return contract;
}

type Files = Pick<FileDescriptorSet, 'file'>;

function file(contract: Files, name: string): FileDescriptorProto {
  return named(contract.file, name);
}

/** A message by its full name; it is not nested in another. */
function message({ file }: Files, fullName: string): DescriptorProto {
  for (const { package: scope, messageType } of file) {
    const found = messageType.find(({ name }) => `${scope}.${name}` === fullName);
    if (found) return found;
  }
  throw new Error(`the contract has no message ${fullName}`);
}

function orderService(contract: Files): ServiceDescriptorProto {
  return named(file(contract, 'orderflow/order/v1/order_service.proto').service, 'OrderService');
}

function enumOf({ enumType }: DescriptorProto, name: string): EnumDescriptorProto {
  return named(enumType, name);
}

function addText({ field }: DescriptorProto, name: string): void {
  const jsonName = name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
  const { OPTIONAL: label } = FieldDescriptorProto_Label;
  const { STRING: type } = FieldDescriptorProto_Type;
  field.push(create(FieldDescriptorProtoSchema, { name, jsonName, number: addedNumber, label, type }));
}

function addValue({ value }: EnumDescriptorProto, name: string): void {
  value.push(create(EnumValueDescriptorProtoSchema, { name, number: addedNumber }));
}

function named<T extends { name: string }>(list: readonly T[], name: string): T {
  const found = list.find((each) => each.name === name);
  if (!found) throw new Error(`the contract has no ${name}`);
  return found;
}

function remove<T extends { name: string }>(list: T[], name: string): void {
  list.splice(list.indexOf(named(list, name)), 1);
}
