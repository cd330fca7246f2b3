-- A small shop, with the mistakes that shops make. Each statement runs on its own.
create extension pg_stat_statements;
create extension pgstattuple;

create role shop_app login;
create role shop_batch login;
create role shop_admin login;
-- meant as seconds, taken as milliseconds
alter role shop_batch set statement_timeout = '30';
alter role shop_admin set statement_timeout = '60s';
alter role shop_admin set lock_timeout = '5s';
alter role shop_admin set idle_in_transaction_session_timeout = '60s';
-- for a while, everything the application sends is logged; the server's own setting stays off, one of the mistakes
alter role shop_app set log_min_duration_statement = 0;
alter role shop_batch set log_min_duration_statement = 0;

create table countries (
  code text primary key,
  name text not null
);
create table customers (
  id bigint generated always as identity primary key,
  email text not null unique,
  country text not null references countries,
  created_at timestamptz not null default now()
);
create table products (
  id bigint generated always as identity primary key,
  sku text not null unique,
  title text not null,
  price numeric(10, 2) not null
);
create table orders (
  id bigint generated always as identity primary key,
  customer_id bigint not null references customers,
  state text not null,
  note text,
  created_at timestamptz not null default now()
);
create table order_items (
  id bigint generated always as identity primary key,
  order_id bigint not null references orders on delete cascade,
  product_id bigint not null references products,
  quantity int not null
);
-- an int4 key that has come far
create table events (
  id int generated always as identity primary key,
  kind text not null,
  payload jsonb
);
-- an int4 key that the application fills
create table legacy_invoices (
  id int primary key,
  total numeric(10, 2) not null
);
-- nothing to tell two rows apart by
create table audit_log (
  at timestamptz not null default now(),
  message text
);

insert into countries select 'C' || n, 'Country ' || n from generate_series(1, 40) as n;
insert into customers (email, country) select 'c' || n || '@example.com', 'C' || 1 + n % 40 from generate_series(1, 4000) as n;
insert into products (sku, title, price) select 'sku-' || n, 'Product ' || n, n % 100 from generate_series(1, 5000) as n;
insert into orders (customer_id, state, note)
  select 1 + n % 4000, case when n % 10 = 0 then 'open' else 'done' end, repeat('x', 40) from generate_series(1, 60000) as n;
insert into order_items (order_id, product_id, quantity)
  select 1 + n % 60000, 1 + n % 5000, 1 + n % 3 from generate_series(1, 180000) as n;
insert into audit_log (message) select 'started' from generate_series(1, 500);
insert into legacy_invoices values (1, 10), (2040109465, 20);
select setval('events_id_seq', 2000000000);
insert into events (kind) values ('seen');

-- the join works, a delete of an order does not; one of the three foreign keys has its index
create index order_items_order_id_idx on order_items (order_id);
create index order_items_product_id_idx on order_items (product_id);
-- the same thing twice, and a prefix of it once more
create index orders_created_at_idx on orders (created_at);
create index orders_created_at_idx1 on orders (created_at);
create index orders_created_at_state_idx on orders (created_at, state);
create index customers_country_idx on customers (country);
-- built, and then most of the rows went away
create table carts (
  id bigint generated always as identity primary key,
  token text not null
);
insert into carts (token) select md5(n::text) from generate_series(1, 250000) as n;
create index carts_token_idx on carts (token);
delete from carts where id % 10 <> 0;
vacuum carts;

create function daily_report() returns bigint language sql volatile
  as 'select count(*) from pg_sleep(0.13)';
grant select, insert, update, delete on all tables in schema public to shop_app, shop_batch;
grant usage on all sequences in schema public to shop_app, shop_batch;
analyze;
