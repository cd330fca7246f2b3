-- expect: nothing
-- file: 001_shop.sql released
create table orders (id bigint primary key, total int);
create table events (k int, v int) partition by range (k);
create table events_1 partition of events for values from (0) to (10);
-- file: 002_indexes.sql
create index concurrently orders_total on orders (total);
create index events_v on only events (v);
create index concurrently events_1_v on events_1 (v);
alter index events_v attach partition events_1_v;
create table fresh (id int, n int);
create index on fresh (n);
create temporary table scratch (n int);
create index on scratch (n);
create materialized view fresh_view as select 1 as one;
create unique index on fresh_view (one);
