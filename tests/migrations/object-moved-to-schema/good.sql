-- expect: nothing
-- file: 001_old.sql released
create schema archive;
create table orders (id bigint primary key);
-- file: 002_move.sql
begin;
alter table orders set schema archive;
create view orders as select * from archive.orders;
commit;
create table lines (id bigint primary key);
alter table lines set schema archive;
create type state as enum ('new');
alter type state set schema archive;
