-- expect: reindex-without-concurrently:6 reindex-without-concurrently:7 reindex-without-concurrently:8 reindex-without-concurrently:9
-- file: 001_shop.sql released
create table orders (id bigint primary key, n int);
create index orders_n on orders (n);
-- file: 002_reindex.sql
reindex index orders_n;
reindex (verbose) table orders;
reindex schema public;
reindex table only_heard_of;
