-- expect: referenced-table-locked:7 referenced-table-locked:8 referenced-table-locked:9 referenced-table-locked:10 referenced-table-locked:11 referenced-table-locked:12
-- file: 001_shop.sql released
create table users (id bigint primary key, n int);
create table orders (id bigint primary key, user_id bigint constraint orders_user references users, other_id bigint references users);
create table items (id bigint primary key, order_id bigint references orders);
-- file: 002_other.sql
alter table orders drop constraint orders_user;
alter table orders drop column other_id;
alter table items alter column order_id type int;
alter table orders add constraint orders_user foreign key (user_id) references users not valid;
create table bills (id bigint primary key, order_id bigint references orders);
drop table items;
