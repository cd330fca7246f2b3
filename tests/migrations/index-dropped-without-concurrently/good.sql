-- expect: nothing
-- file: 001_shop.sql released
create table orders (id bigint primary key, n int);
create index orders_n on orders (n);
create table events (k int) partition by range (k);
create index events_k on events (k);
-- file: 002_drop.sql
drop index concurrently orders_n;
drop index concurrently if exists orders_n;
-- it cannot be dropped concurrently
drop index events_k;
create table fresh (n int);
create index fresh_n on fresh (n);
drop index fresh_n;
