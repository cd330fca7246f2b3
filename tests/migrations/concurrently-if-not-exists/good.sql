-- expect: nothing
-- file: 001_old.sql released
create table orders (id bigint primary key, total int);
-- file: 002_index.sql
create index concurrently orders_total on orders (total);
create index if not exists orders_both on orders (total, id);
drop index concurrently if exists orders_again;
create index concurrently if not exists orders_again on orders (total);
-- file: 003_new.sql
create table lines (id bigint primary key, order_id bigint);
create index concurrently if not exists lines_order on lines (order_id);
