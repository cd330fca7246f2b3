-- expect: nothing
-- file: 001_old.sql released
create table orders (id bigint primary key, total int, created_at timestamptz);
create materialized view totals as select id, total from orders;
create unique index totals_id on totals (id);
create type state as enum ('new');
-- file: 002_alone.sql query
create index concurrently orders_total on orders (total);
-- file: 003_after_the_end.sql
begin;
alter table orders add column note text;
rollback;
create index concurrently orders_created_at on orders (created_at);
begin;
alter table orders add column other text;
commit;
drop index concurrently orders_total;
vacuum orders;
-- file: 004_commits_first.sql transaction
commit;
reindex table concurrently orders;
-- file: 005_allowed_in_one.sql transaction
-- these run in a transaction on every version from 14 on
refresh materialized view concurrently totals;
alter type state add value 'old';
analyze orders;
create index on orders (id, total);
