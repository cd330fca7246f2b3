-- expect: nothing
-- file: 001_shop.sql released
create table orders (id bigint primary key, n int);
create materialized view totals as select id, n from orders;
create unique index totals_id on totals (id);
-- file: 002_refresh.sql
refresh materialized view concurrently totals;
create materialized view fresh as select id from orders with no data;
refresh materialized view fresh;
