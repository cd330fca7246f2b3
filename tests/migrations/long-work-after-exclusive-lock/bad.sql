-- expect: long-work-after-exclusive-lock:7 long-work-after-exclusive-lock:11 long-work-after-exclusive-lock:15 long-work-after-exclusive-lock:18 long-work-after-exclusive-lock:22 long-work-after-exclusive-lock:25
-- file: 001_shop.sql released
create table users (id bigint primary key, n int);
create table orders (id bigint primary key, n int);
-- file: 002_backfill.sql transaction
alter table users add column total int;
update users set total = 0;
-- file: 003_other.sql
begin;
alter table users add column last_order bigint;
update orders set n = 0 where n is null;
commit;
-- file: 004_index.sql query
alter table users rename column n to m;
create index orders_n on orders (n);
-- file: 005_copy.sql transaction
create trigger t before insert on users for each row execute function f();
insert into orders select id + 1000000, m from users;
create table copy_of_orders as select * from orders;
-- file: 006_scan.sql transaction
alter table users add column z int;
alter table orders alter column n set not null;
-- file: 007_lock.sql transaction
lock table users in share mode;
delete from orders;
