-- expect: nothing
create table orders (id serial primary key);
select setval('orders_id_seq', 1000000000);
create table customers (id bigint generated always as identity primary key);
select setval('customers_id_seq', 20000000000);
create table never (id smallserial primary key);
create sequence round maxvalue 100 cycle;
select setval('round', 99);
create sequence downward increment by -1;
select setval('downward', -2000000000);
create table lines (id int primary key, customer bigint references customers (id));
create index lines_customer_idx on lines (customer);
-- no integer: a text has no end
create sequence labels;
create table labelled (id text primary key default nextval('labels')::text);
select setval('labels', 3000000000);
