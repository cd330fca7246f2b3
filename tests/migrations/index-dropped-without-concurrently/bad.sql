-- expect: index-dropped-without-concurrently:7 index-dropped-without-concurrently:8
-- file: 001_shop.sql released
create table orders (id bigint primary key, n int, m int);
create index orders_n on orders (n);
create index orders_m on orders (m);
-- file: 002_drop.sql
drop index orders_n;
drop index if exists public.orders_m, heard_of;
