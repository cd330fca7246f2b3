-- expect: nothing
-- file: 001_old.sql released
create table orders (id bigint primary key);
-- file: 002_on_again.sql
begin;
alter table orders disable trigger audit;
update orders set id = id + 1 where id < 10;
alter table orders enable trigger audit;
commit;
-- file: 003_runner.sql transaction
alter table orders disable trigger all;
alter table orders enable always trigger audit;
alter table orders enable trigger all;
-- file: 004_new.sql
create table lines (id bigint primary key);
alter table lines disable trigger all;
set session_replication_role = origin;
