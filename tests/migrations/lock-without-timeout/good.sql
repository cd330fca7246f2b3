-- expect: nothing
-- file: 001_shop.sql released
create table orders (id bigint primary key, n int);
create materialized view totals as select id from orders;
-- file: 002_set.sql
set lock_timeout = '5s';
alter table orders add column a int;
-- file: 003_local.sql transaction
set local lock_timeout = '5s';
alter table orders add column b int;
-- file: 004_statement.sql
set statement_timeout = '10s';
alter table orders add column c int;
-- file: 005_nowait.sql transaction
lock table orders in access exclusive mode nowait;
alter table orders add column d int;
-- nobody waits for what is new, and nobody behind what reads and writes go on with
-- file: 006_new.sql
create table fresh (n int);
alter table fresh add column m int;
create index concurrently orders_n on orders (n);
alter table orders alter column n set statistics 500;
update orders set n = 1 where id = 5;
refresh materialized view concurrently totals;
-- file: 007_config.sql
select set_config('lock_timeout', '5s', false);
alter table orders add column e int;
