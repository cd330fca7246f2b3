-- expect: table-dropped:11 table-dropped:12 table-dropped:12 table-dropped:13 table-dropped:14 table-dropped:16 table-dropped:18 table-dropped:21
-- file: 001_old.sql released
create table orders (id bigint primary key);
create table lines (id bigint primary key, order_id bigint references orders);
create schema audit;
create table audit.log (id bigint);
create table events (at date) partition by range (at);
create table events_2020 partition of events for values from ('2020-01-01') to ('2021-01-01');
create table users (id bigint primary key, name text);
-- file: 002_drop.sql
drop table lines;
drop table if exists unknown, "Odd Name";
drop foreign table far_away;
drop schema audit cascade;
-- rows go, as they are meant to
drop table events_2020;
begin;
drop table users; 
create view users as select 1::bigint as id, ''::text as name;
commit;
drop database shop;
