-- expect: nothing
-- file: 001_shop.sql released
create table users (id bigint primary key, n int);
create table orders (id bigint primary key, n int);
create table events (k int, v int) partition by range (k);
create table events_1 partition of events for values from (0) to (10);
-- file: 002_apart.sql
alter table users add column a int;
alter table orders add column a int;
-- file: 003_same.sql transaction
alter table users add column b int;
alter table users add column c int;
create table fresh (id bigint references orders);
alter table fresh add column d int;
-- file: 004_family.sql transaction
alter table events add column w int;
alter table events_1 alter column w set default 5;
-- file: 005_two_transactions.sql
begin;
alter table users add column d int;
commit;
begin;
alter table orders add column d int;
commit;
-- each table in a transaction of its own
-- file: 0055_vacuum.sql
vacuum full users, orders;
-- nobody uses what is dropped
-- file: 006_dropped.sql transaction
alter table users add column e int;
drop table orders;
