-- expect: nothing
-- file: 001_old.sql released
create table users (id bigint primary key);
create table orders (id bigint primary key, user_id bigint references users);
create table alone (id bigint primary key, note text);
create table parted (id bigint) partition by range (id);
create table parted_1 partition of parted for values from (0) to (10);
-- file: 002_drop.sql
drop table alone cascade;
drop table parted cascade;
truncate orders cascade;
drop table orders;
-- file: 003_new.sql
create type colour as enum ('red');
create table paint (id bigint primary key, colour colour);
create view paints as select id from paint;
drop view paints cascade;
drop type colour cascade;
drop table paint cascade;
drop table if exists nothing;
