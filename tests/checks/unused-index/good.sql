-- expect: nothing
-- param: unused-index.minimum_age_seconds = 0
-- wait: select count(*) = 1 from pg_stat_user_indexes where indexrelname = 'orders_created_idx' and idx_scan > 0
create table customers (id int primary key);
insert into customers select generate_series(1, 10);
create table orders (id int primary key, created int, code int unique, customer int references customers (id));
create index orders_created_idx on orders (created);
-- needed on the day a customer is deleted
create index orders_customer_idx on orders (customer);
insert into orders select n, n, n, n % 10 + 1 from generate_series(1, 60000) as n;
-- too small to matter
create table small (id int primary key, kind int);
create index small_kind_idx on small (kind);
insert into small select n, n from generate_series(1, 100) as n;
analyze;
set enable_seqscan = off;
select id from orders where created = 5;
reset enable_seqscan;
