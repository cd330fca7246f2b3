-- expect: constraint-validated-at-once:7 constraint-validated-at-once:8 constraint-validated-at-once:9 constraint-validated-at-once:10 constraint-validated-at-once:11 constraint-validated-at-once:12 constraint-validated-at-once:13 constraint-validated-at-once:14 constraint-validated-at-once:17 constraint-validated-at-once:18
-- file: 001_shop.sql released
create table users (id bigint primary key);
create table orders (id bigint primary key, user_id bigint, n int, s text);
create table items (id bigint, order_id bigint constraint items_order references orders not enforced);
-- file: 002_constraints.sql
alter table orders add constraint n_positive check (n > 0);
alter table orders add check (s in ('new', 'old') or s is null);
alter table orders add constraint orders_user foreign key (user_id) references users (id) on delete cascade;
alter table orders add foreign key (user_id) references users;
alter table orders add column a int check (a > 0);
alter table orders add column b int default 5 check (b > 0);
alter table orders add column c bigint default 1 references users;
alter table orders add constraint n_is_there not null n;
alter table orders
  add column d int,
  add constraint d_positive check (d > 0);
alter table items alter constraint items_order enforced;
