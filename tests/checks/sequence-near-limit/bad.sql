-- expect: sequence-near-limit high public/orders_id_seq
-- expect: sequence-near-limit medium public/Odd%20%22name%22_id_seq
-- expect: sequence-near-limit high public/small_id_seq
-- expect: sequence-near-limit high public/narrow
-- expect: sequence-near-limit medium public/tickets
-- expect: sequence-near-limit high public/downward
-- expect: sequence-near-limit high public/lines/customer
-- expect: sequence-near-limit high public/parts_id_seq
-- expect: sequence-near-limit high public/nested
-- hint: apply
create table orders (id serial primary key);
select setval('orders_id_seq', 2000000000);
create table "Odd ""name""" (id int generated always as identity primary key);
select setval('"Odd ""name""_id_seq"', 1700000000);
create table small (id smallserial primary key);
select setval('small_id_seq', 32000);
-- a wide sequence that feeds a narrow column by its default
create sequence narrow;
create table fed (id int primary key default nextval('narrow'));
select setval('narrow', 2000000000);
create sequence tickets maxvalue 1000;
select setval('tickets', 800);
create sequence downward increment by -1 minvalue -1000;
select setval('downward', -950);
-- the key is wide, what references it is not
create table customers (id bigint generated always as identity primary key);
select setval('customers_id_seq', 2000000000);
create table lines (id int primary key, customer int references customers (id));
create index lines_customer_idx on lines (customer);
-- partitioned by another column than the one that runs out
create table parts (id serial, at date, primary key (id, at)) partition by range (at);
create table parts_1 partition of parts for values from ('2026-01-01') to ('2027-01-01');
select setval('parts_id_seq', 2000000000);
-- a domain over a domain
create domain number as int;
create domain key_number as number;
create sequence nested;
create table of_domain (id key_number primary key default nextval('nested'));
select setval('nested', 2000000000);
