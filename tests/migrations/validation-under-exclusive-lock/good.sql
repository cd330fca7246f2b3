-- expect: nothing
-- file: 001_shop.sql released
create table users (id bigint primary key);
create table orders (id bigint primary key, user_id bigint, n int);
-- file: 002_check.sql transaction
alter table orders add constraint n_positive check (n > 0) not valid;
-- file: 003_check.sql transaction
alter table orders validate constraint n_positive;
-- file: 004_key.sql
begin;
alter table orders add constraint orders_user foreign key (user_id) references users not valid;
commit;
begin;
alter table orders validate constraint orders_user;
commit;
-- each statement for itself
-- file: 005_plain.sql
alter table orders add constraint n_small check (n < 1000) not valid;
alter table orders validate constraint n_small;
-- file: 006_fresh.sql transaction
create table fresh (n int);
alter table fresh add constraint n_positive check (n > 0) not valid;
alter table fresh validate constraint n_positive;
