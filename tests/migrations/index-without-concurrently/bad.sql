-- expect: index-without-concurrently:10 index-without-concurrently:11 index-without-concurrently:12 index-without-concurrently:13 index-without-concurrently:14 index-without-concurrently:15 index-without-concurrently:17
-- file: 001_shop.sql released
create table orders (id bigint primary key, total int, code text);
create materialized view totals as select id, total from orders;
create table events (k int, v int) partition by range (k);
create table events_1 partition of events for values from (0) to (10);
create table events_2 partition of events for values from (10) to (20) partition by list (v);
create table events_2_a partition of events_2 for values in (1);
-- file: 002_indexes.sql
create index on orders (total);
create unique index orders_code on orders using btree (lower(code) text_pattern_ops desc nulls last) include (total) where total > 0;
create index if not exists orders_total on orders (total);
create index on totals (total);
create index events_v on events (v desc);
create unique index on only_heard_of (a, b);
-- file: 003_transaction.sql transaction
create index orders_total_code on orders (total, code);
