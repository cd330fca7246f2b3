-- expect: not-null-column-without-default:5 not-null-column-without-default:6 not-null-column-without-default:9 not-null-column-without-default:10
-- file: 001_shop.sql released
create table orders (id bigint, total int);
-- file: 002_state.sql
alter table orders add column state text not null;
alter table orders add column code text constraint code_is_there not null unique;
alter table orders
  add column a int,
  add column b int not null;
alter table only_heard_of add column state text not null;
