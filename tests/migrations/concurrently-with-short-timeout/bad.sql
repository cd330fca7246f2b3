-- expect: concurrently-with-short-timeout:7 concurrently-with-short-timeout:8 concurrently-with-short-timeout:9 concurrently-with-short-timeout:12 concurrently-with-short-timeout:13 concurrently-with-short-timeout:17 concurrently-with-short-timeout:20
-- file: 001_old.sql released
create table orders (id bigint primary key, total int);
create index orders_total on orders (total);
-- file: 002_lock.sql
set lock_timeout = '5s';
create index concurrently orders_id_total on orders (id, total);
drop index concurrently orders_total;
reindex index concurrently orders_pkey;
-- file: 003_statement.sql
set statement_timeout = '15min';
reindex table concurrently orders;
create index concurrently other on unknown (a);
-- file: 004_both.sql
set lock_timeout = 2000;
set statement_timeout = '1min';
create index concurrently orders_again on orders (total);
-- file: 005_placeholder.sql
select set_config('lock_timeout', '3s', false);
create index concurrently orders_once_more on orders (total);
