-- expect: table-rewritten:6 table-rewritten:7 table-rewritten:8 table-rewritten:9 table-rewritten:10 table-rewritten:11 table-rewritten:12 table-rewritten:13 table-rewritten:14 table-rewritten:15 table-rewritten:16
-- file: 001_shop.sql released
create table orders (id bigint primary key, n int, g int generated always as (n + 1) stored);
create unlogged table cache (id int);
-- file: 002_rewrite.sql
vacuum full orders;
vacuum (full, analyze) orders;
vacuum full;
cluster orders using orders_pkey;
cluster;
alter table orders set unlogged;
alter table cache set logged;
alter table orders set tablespace fast;
alter table orders set access method columnar;
alter table orders alter column g set expression as (n + 2);
alter table all in tablespace slow set tablespace fast;
