-- expect: nothing
-- file: 001_shop.sql released
create table orders (id bigint primary key, n int);
create index orders_n on orders (n);
-- file: 002_reindex.sql
reindex index concurrently orders_n;
reindex (concurrently) table orders;
create table fresh (n int primary key);
reindex table fresh;
