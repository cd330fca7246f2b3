-- expect: view-dropped-or-narrowed:10 view-dropped-or-narrowed:11 view-dropped-or-narrowed:12 view-dropped-or-narrowed:14 view-dropped-or-narrowed:17 view-dropped-or-narrowed:22
-- file: 001_old.sql released
create table orders (id bigint primary key, total int);
create view totals as select id, total from orders;
create view amounts as select id, total from orders;
create view sums as select id, total from orders;
create view counts as select id, total from orders;
create materialized view daily as select id, total from orders;
-- file: 002_drop.sql
drop view totals;
drop materialized view daily;
drop view if exists unknown;
-- not in one transaction: for a moment there is none
drop view amounts;
create view amounts as select id, total from orders;
begin;
drop view sums;
create view sums as select id from orders;
grant select on sums to app;
commit;
begin;
drop view counts;
create view counts as select id, total, 1 as n from orders;
commit;
