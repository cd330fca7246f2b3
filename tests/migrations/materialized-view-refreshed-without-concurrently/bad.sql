-- expect: materialized-view-refreshed-without-concurrently:8 materialized-view-refreshed-without-concurrently:9 materialized-view-refreshed-without-concurrently:10
-- file: 001_shop.sql released
create table orders (id bigint primary key, n int);
create materialized view totals as select id, n from orders;
create unique index totals_id on totals (id);
create materialized view bare as select id, n from orders;
-- file: 002_refresh.sql
refresh materialized view totals;
refresh materialized view bare with data;
refresh materialized view only_heard_of;
