-- expect: nothing
-- file: 001_old.sql released
create table users (id bigint primary key, a int, b int, unique (a, b));
create table orders (id bigint primary key, user_id bigint, state text, a int, b int);
create index orders_user on orders (user_id, state);
-- file: 002_keys.sql
alter table orders add constraint orders_user_fk foreign key (user_id) references users not valid;
alter table orders add constraint orders_both foreign key (a, b) references users (a, b);
create index orders_b_a on orders (b, a);
create table lines (id bigint primary key, order_id bigint references orders);
create table addresses (user_id bigint primary key references users);
alter table unknown add constraint c foreign key (user_id) references users;
alter table orders add column other bigint references users not enforced;
-- file: 003_later.sql
create index concurrently lines_order on lines (order_id);
