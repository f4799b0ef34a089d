insert into customer (customer_id, name, email, address, active, version, create_time, update_time) values
  ('c-1', 'Ada Almeida', 'ada.almeida@example.com', '1 Market Street, 10115 Exampletown', true, 1, now(), now()),
  ('c-2', 'Alan Bauer', 'alan.bauer@example.com', '2 Market Street, 10115 Exampletown', true, 1, now(), now()),
  ('c-50', 'Grace Chen', 'grace.chen@example.com', '', false, 1, now(), now())
on conflict do nothing;

-- price: in cents, in the currency of the installation (CURRENCY, USD unless set).
insert into product (product_id, sku, name, description, price, currency_code, state, version, update_time) values
  ('p-1', 'LAPTOP001', 'Laptop', 'A 14-inch laptop with 16 GB of memory', 129999, 'USD', 'ACTIVE', 1, now()),
  ('p-2', 'MOUSE001', 'Wireless mouse', 'A mouse that works on glass, too', 7999, 'USD', 'ACTIVE', 1, now()),
  ('p-50', 'LAMP001', 'Desk lamp', 'No longer sold', 2999, 'USD', 'RETIRED', 1, now())
on conflict do nothing;
