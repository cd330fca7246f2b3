-- expect: nothing
-- file: 001_old.sql released
create table orders (id bigint primary key, total int);
create index orders_total on orders (total);
-- file: 002_expand.sql
begin;
alter table orders rename to purchases;
create view orders as select * from purchases;
grant select, insert, update, delete on orders to app;
commit;
-- file: 003_other.sql
alter index orders_total rename to purchases_total;
alter table purchases rename constraint orders_pkey to purchases_pkey;
create table lines (id bigint primary key);
alter table lines rename to items;
create type state as enum ('new');
alter type state rename to phase;
