-- expect: nothing
-- file: 001_old.sql released
create table orders (id bigint primary key, total int);
create index orders_total on orders (total);
-- file: 002_lifted.sql
set lock_timeout = '5s';
alter table orders add column note text;
set lock_timeout = 0;
set statement_timeout = '3h';
create index concurrently orders_id_total on orders (id, total);
reset lock_timeout;
drop index concurrently orders_total;
-- file: 003_local.sql
begin;
set local lock_timeout = '5s';
alter table orders add column other text;
commit;
create index concurrently orders_other on orders (other);
-- file: 004_not_concurrent.sql
set lock_timeout = '5s';
create index orders_note on orders (note);
-- file: 005_new.sql
set lock_timeout = '5s';
create table lines (id bigint primary key, order_id bigint);
create index concurrently lines_order on lines (order_id);
