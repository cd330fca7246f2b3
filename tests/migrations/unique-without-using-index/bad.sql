-- expect: unique-without-using-index:7 unique-without-using-index:8 unique-without-using-index:9 unique-without-using-index:10 unique-without-using-index:13 unique-without-using-index:14
-- file: 001_shop.sql released
create table orders (id bigint primary key, number int, code text);
create table events (k int, v int) partition by range (k);
create table events_1 partition of events for values from (0) to (10);
-- file: 002_unique.sql
alter table orders add constraint orders_number unique (number);
alter table orders add unique (number, code);
alter table orders add constraint once unique nulls not distinct (code) deferrable initially deferred;
alter table orders add column serial_number text unique;
alter table orders
  add column a int,
  add constraint u unique (code) include (number);
alter table events add constraint events_key unique (k, v);
