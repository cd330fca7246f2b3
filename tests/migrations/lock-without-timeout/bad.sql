-- expect: lock-without-timeout:5 lock-without-timeout:9 lock-without-timeout:12 lock-without-timeout:17 lock-without-timeout:23 lock-without-timeout:26
-- file: 001_shop.sql released
create table orders (id bigint primary key, n int);
-- file: 002_none.sql
alter table orders add column a int;
alter table orders add column b int;
-- file: 003_local.sql
set local lock_timeout = '5s';
alter table orders add column c int;
-- file: 004_zero.sql
set lock_timeout = 0;
alter table orders add column d int;
-- file: 005_reset.sql
set lock_timeout = '5s';
alter table orders add column e int;
reset lock_timeout;
alter table orders add column f int;
-- file: 006_commit.sql
begin;
set local lock_timeout = '5s';
alter table orders add column g int;
commit;
create trigger t before insert on orders for each row execute function f();
-- file: 007_long.sql transaction
set local lock_timeout = '10min';
lock table orders in share mode;
