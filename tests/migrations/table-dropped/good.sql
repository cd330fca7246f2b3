-- expect: nothing
-- file: 001_old.sql released
create table orders (id bigint primary key);
create view totals as select id from orders;
-- file: 002_new.sql
create table lines (id bigint primary key);
drop table lines;
create temp table scratch (a int);
drop table scratch;
create schema s;
create table s.a (id bigint);
drop schema s cascade;
drop view totals;
drop index if exists orders_total;
-- file: 003_add.sql
create table notes (id bigint primary key);
-- file: 003_add.down.sql down
drop table notes;
