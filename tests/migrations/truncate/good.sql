-- expect: nothing
-- file: 001_old.sql released
create table orders (id bigint primary key);
-- file: 002_new.sql
create table lines (id bigint primary key);
insert into lines values (1);
truncate lines;
create temp table scratch (a int);
truncate scratch;
delete from orders where id < 100;
create function f() returns void language sql as 'truncate orders';
-- file: 002_new.down.sql down
truncate orders;
