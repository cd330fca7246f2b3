-- expect: nothing
-- file: 001_shop.sql released
create table orders (id bigint, code text not null);
create unique index orders_code on orders (code);
create table items (id bigint);
create unique index items_id on items (id);
alter table items add constraint items_there check (id is not null);
-- file: 002_keys.sql
alter table orders add constraint orders_pkey primary key using index orders_code;
alter table items alter column id set not null;
alter table items add primary key using index items_id;
create table fresh (id bigint primary key);
create table later (id bigint);
alter table later add primary key (id);
