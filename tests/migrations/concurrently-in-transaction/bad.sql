-- expect: concurrently-in-transaction:9 concurrently-in-transaction:12 concurrently-in-transaction:13 concurrently-in-transaction:14 concurrently-in-transaction:15 concurrently-in-transaction:16 concurrently-in-transaction:17 concurrently-in-transaction:18 concurrently-in-transaction:19 concurrently-in-transaction:22 concurrently-in-transaction:27 concurrently-in-transaction:32
-- file: 001_old.sql released
create table orders (id bigint primary key, total int, created_at timestamptz);
create index orders_total on orders (total);
create table events (id bigint, at date) partition by range (at);
create table events_2026 partition of events for values from ('2026-01-01') to ('2027-01-01');
-- file: 002_own_begin.sql
begin;
create index concurrently orders_created_at on orders (created_at);
commit;
-- file: 003_runner.sql transaction
create unique index concurrently orders_id_total on orders (id, total);
drop index concurrently orders_total;
reindex index concurrently orders_pkey;
alter table events detach partition events_2026 concurrently;
vacuum orders;
reindex database shop;
create database reports;
alter system set work_mem = '64MB';
-- file: 004_one_query.sql query
set lock_timeout = 0;
create index concurrently orders_both on orders (total, created_at);
-- file: 005_savepoint.sql
begin;
savepoint before;
rollback to before;
cluster;
commit;
-- file: 006_procedural.sql
do $$
begin
  create index concurrently orders_in_code on orders (total);
end
$$;
