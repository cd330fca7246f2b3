-- expect: concurrently-if-not-exists:5 concurrently-if-not-exists:6 concurrently-if-not-exists:7
-- file: 001_old.sql released
create table orders (id bigint primary key, total int, note text);
-- file: 002_index.sql
create index concurrently if not exists orders_total on orders (total);
create unique index concurrently if not exists "Odd Name" on orders using btree (total, id) where total > 0;
create index concurrently if not exists shop_total on shop.orders (total desc nulls last);
