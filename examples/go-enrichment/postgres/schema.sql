-- Run by every process when it starts, one process at a time: every statement can be repeated. Add columns with
-- `alter table … add column if not exists`; processes of the version before run beside this one during a roll-out.

create table if not exists customer (
  customer_id text collate "C" primary key,
  name text not null,
  email text not null,
  address text,
  active boolean not null,
  version bigint not null,
  create_time timestamptz(3) not null,
  update_time timestamptz(3) not null
);

create table if not exists product (
  product_id text collate "C" primary key,
  sku text not null constraint product_sku_unique unique,
  name text not null,
  description text not null,
  -- Without tax, in cents: 129999 is 1299.99.
  price bigint not null,
  currency_code text not null,
  state text not null check (state in ('ACTIVE', 'RETIRED')),
  version bigint not null,
  update_time timestamptz(3) not null
);

-- A row is a call that got a response. answer is null only inside of the transaction that computes it.
create table if not exists idempotency (
  caller_id text not null,
  method text not null,
  request_id text not null,
  content_hash bytea not null,
  answer bytea,
  create_time timestamptz(3) not null,
  primary key (caller_id, method, request_id)
);
create index if not exists idempotency_create_time on idempotency (create_time);

-- A row is an event that is not on Kafka yet.
create table if not exists outbox (
  id bigint generated always as identity primary key,
  topic text not null,
  key text not null,
  value bytea not null,
  headers json not null,
  create_time timestamptz not null default now(),
  -- Not written here; `pnpm orders stuck` of orderflow reads them in every outbox.
  failed_reason text,
  failed_time timestamptz
);

-- Every order that is counted, and how many each customer has.
create table if not exists counted_order (
  order_id text collate "C" primary key,
  customer_id text collate "C" not null
);
create table if not exists order_count (
  customer_id text collate "C" primary key,
  orders bigint not null
);

-- `pnpm orders check` of orderflow reads here whether orders are counted that are older than their topic, which keeps
-- events for 30 days. This service counts from the topic only: there is nothing that it would wait for.
create table if not exists order_backfill (
  source text primary key,
  page_token text not null,
  done boolean not null
);
insert into order_backfill (source, page_token, done) values ('orders', '', true) on conflict do nothing;
