-- expect: nothing
-- file: 001_shop.sql released
create table users (id bigint primary key, n int);
create table orders (id bigint primary key, n int);
-- file: 002_first_the_work.sql transaction
update users set n = 0;
alter table users add column total int;
-- file: 003_apart.sql
alter table users add column total2 int;
update users set total2 = 0;
-- file: 004_few_rows.sql transaction
alter table users add column total3 int;
update users set total3 = 0 where id = 5;
insert into orders values (1, 2), (3, 4);
-- file: 005_new.sql transaction
create table fresh (id bigint, n int);
insert into fresh select id, n from orders;
update fresh set n = 0;
create index on fresh (n);
-- file: 006_given_back.sql transaction
savepoint before;
alter table users add column total4 int;
rollback to before;
update orders set n = 1;
-- file: 007_same_lock.sql transaction
alter table users add column total5 int;
alter table users alter column n set not null;
