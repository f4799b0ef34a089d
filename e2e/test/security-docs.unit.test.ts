import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DescMethod, getOption } from '@bufbuild/protobuf';
import { access, Role } from '@orderflow/contracts/orderflow/access/v1/access';
import { CustomerService } from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';
import { ProductService } from '@orderflow/contracts/orderflow/enrichment/v1/product_service';
import { GatewayService } from '@orderflow/contracts/orderflow/gateway/v1/gateway_service';
import { InventoryService } from '@orderflow/contracts/orderflow/inventory/v1/inventory_service';
import { NotificationService } from '@orderflow/contracts/orderflow/notification/v1/notification_service';
import { CatalogService } from '@orderflow/contracts/orderflow/order/v1/catalog_service';
import { OrderService } from '@orderflow/contracts/orderflow/order/v1/order_service';
import { PaymentService } from '@orderflow/contracts/orderflow/payment/v1/payment_service';
import { FaultService } from '@orderflow/contracts/orderflow/testing/v1/fault_service';
import { repositoryRoot } from '@orderflow/devstack';
import { expect, test } from 'vitest';

// CatalogService is the first, so that ListProducts without a service is that of ProductService.
const services = [
  ...[CatalogService, OrderService, CustomerService, ProductService, InventoryService],
  ...[PaymentService, NotificationService, GatewayService, FaultService],
];

const text = readFileSync(join(repositoryRoot, 'docs/security.md'), 'utf8');

/** The rows of the table below "Who may call what". */
function rows(): string[][] {
  const [, after = ''] = text.split('## Who may call what\n');
  const [section = ''] = after.split('\n## ');
  const lines = section.split('\n').filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

/** The methods that a row names, without those of earlier rows. */
function methodsIn(cell: string, known: ReadonlyMap<DescMethod, unknown>): DescMethod[] {
  const words = [...cell.matchAll(/\b[A-Z]\w+/g)].map(([word]) => word);
  return words.flatMap((word) => {
    const service = services.find(({ name }) => name === word);
    if (service) return service.methods.filter((method) => !known.has(method));
    const method = services.flatMap(({ methods }) => methods).findLast(({ name }) => name === word);
    if (method === undefined) throw new Error(`docs/security.md names ${word}, which does not exist`);
    return [method];
  });
}

/** What the cells for customer, operator and service say of a method by its contract. */
function cellsOf(method: DescMethod): string[] {
  const { roles, own } = getOption(method, access);
  const customer = { customerField: 'itself', stored: 'its own', shared: 'yes' }[own.case ?? 'shared'];
  const cell = (role: Role, words: string) => (roles.includes(role) ? words : '');
  return [cell(Role.CUSTOMER, customer), cell(Role.OPERATOR, 'yes'), cell(Role.SERVICE, 'yes')];
}

test('docs/security.md says of every method who may call it, as its contract does', () => {
  const documented = new Map<DescMethod, string[]>();
  for (const [names = '', customer = '', ...others] of rows()) {
    const short = customer.replace('for itself', 'itself').replace('its own orders', 'its own');
    for (const method of methodsIn(names, documented)) documented.set(method, [short, ...others]);
  }
  const named = (map: ReadonlyMap<DescMethod, string[]>) =>
    Object.fromEntries([...map].map(([method, cells]) => [`${method.parent.name}/${method.name}`, cells]));
  const methods = services.flatMap(({ methods }) => methods);
  expect(named(documented)).toEqual(named(new Map(methods.map((method) => [method, cellsOf(method)]))));
});
