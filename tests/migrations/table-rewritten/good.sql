-- expect: nothing
-- file: 001_shop.sql released
create table orders (id bigint primary key, n int);
-- file: 002_keep.sql
vacuum orders;
vacuum (analyze) orders;
analyze orders;
alter table orders cluster on orders_pkey;
alter table orders set (fillfactor = 70);
alter table orders set (autovacuum_vacuum_scale_factor = 0.01);
-- it is already
alter table orders set logged;
alter table orders set access method heap;
alter table orders alter column n set storage plain;
create table fresh (n int);
alter table fresh set unlogged;
create temporary table scratch (n int primary key);
cluster scratch using scratch_pkey;
