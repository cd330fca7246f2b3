-- expect: nothing
-- major: 18
-- file: 001_old.sql released
create table orders (id bigint primary key, total int, doubled int generated always as (total * 2) stored);
create table users (id bigint primary key);
-- file: 002_newer.sql
alter table orders set access method heap;
alter table orders alter column doubled set expression as (total * 3);
alter table orders add column virtual_total int generated always as (total + 1) virtual;
alter table orders add constraint orders_total_given not null total not valid;
alter table orders add constraint orders_user foreign key (total) references users not enforced;
create or replace trigger t before insert on orders for each row execute function f();
