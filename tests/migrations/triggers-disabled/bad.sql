-- expect: triggers-disabled:5 triggers-disabled:6 triggers-disabled:7 triggers-disabled:8 triggers-disabled:10
-- file: 001_old.sql released
create table orders (id bigint primary key);
-- file: 002_off.sql
alter table orders disable trigger audit;
alter table orders disable trigger all;
alter table unknown disable rule keep;
set session_replication_role = replica;
-- file: 003_on_again_too_late.sql
alter table orders disable trigger user;
update orders set id = id + 1 where id < 10;
alter table orders enable trigger user;
