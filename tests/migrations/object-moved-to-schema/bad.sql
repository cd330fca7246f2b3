-- expect: object-moved-to-schema:10 object-moved-to-schema:11 object-moved-to-schema:12 object-moved-to-schema:13 object-moved-to-schema:14 object-moved-to-schema:15
-- file: 001_old.sql released
create schema archive;
create table orders (id bigint primary key);
create table shop.lines (id bigint primary key);
create type state as enum ('new');
create view totals as select id from orders;
create function f(a int) returns int language sql as 'select 1';
-- file: 002_move.sql
alter table orders set schema archive;
alter table shop.lines set schema archive;
alter type state set schema archive;
alter view totals set schema archive;
alter function f(int) set schema archive;
alter sequence unknown set schema archive;
