-- expect: nothing
-- file: 001_shop.sql released
create table users (id bigint primary key, n int, boss_id bigint references users);
create table orders (id bigint primary key, user_id bigint references users, n int);
create table events (k int, v int) partition by range (k);
create table events_1 partition of events for values from (0) to (10);
-- file: 002_own.sql
alter table orders drop column n;
alter table orders alter column n type bigint;
alter table users drop column boss_id;
alter table events add column w int;
create table rest partition of events default;
create table events_2 partition of events for values from (10) to (20);
create table fresh (id bigint primary key);
create table child (id bigint references fresh);
alter table child drop column id;
drop table child;
