-- expect: foreign-key-left-unindexed:6 foreign-key-left-unindexed:9 foreign-key-left-unindexed:11 foreign-key-left-unindexed:12
-- file: 001_old.sql released
create table users (id bigint primary key, a int, b int, unique (a, b));
create table orders (id bigint primary key, user_id bigint, state text, a int, b int);
-- file: 002_keys.sql
alter table orders add constraint orders_user foreign key (user_id) references users not valid;
create index orders_user_open on orders (user_id) where state = 'open';
create index orders_state_user on orders (state, user_id);
alter table orders add constraint orders_both foreign key (a, b) references users (a, b);
create index orders_a on orders (a);
create table lines (id bigint primary key, order_id bigint references orders on delete cascade);
alter table unknown add column user_id bigint references users;
