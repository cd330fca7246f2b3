-- expect: nothing
-- file: 001_shop.sql released
create table users (id bigint primary key);
create table orders (id bigint primary key, user_id bigint, n int, s text);
-- file: 002_constraints.sql
alter table orders add constraint n_positive check (n > 0) not valid;
alter table orders add constraint orders_user foreign key (user_id) references users not valid;
alter table orders add constraint orders_other foreign key (user_id) references users not enforced;
alter table orders add constraint n_is_there not null n not valid;
-- without a default every row is null, and nothing is looked up
alter table orders add column friend_id bigint references users (id);
create table fresh (id bigint primary key, user_id bigint references users, n int check (n > 0));
alter table fresh add constraint fresh_n check (n < 10);
alter table fresh add foreign key (user_id) references users;
-- file: 003_validate.sql
alter table orders validate constraint n_positive;
-- file: 004_validate.sql
alter table orders validate constraint orders_user;
