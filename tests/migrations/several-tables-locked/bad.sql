-- expect: several-tables-locked:8 several-tables-locked:11 several-tables-locked:15
-- file: 001_shop.sql released
create table users (id bigint primary key, n int);
create table orders (id bigint primary key, n int);
create table items (id bigint primary key, n int);
-- file: 002_two.sql transaction
alter table users add column a int;
alter table orders add column a int;
alter table items add column a int;
-- file: 003_one_statement.sql
truncate users, orders;
-- file: 004_query.sql query
set lock_timeout = '5s';
alter table users rename column n to m;
alter table items rename column n to m;
