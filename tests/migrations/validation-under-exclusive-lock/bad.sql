-- expect: validation-under-exclusive-lock:7 validation-under-exclusive-lock:11 validation-under-exclusive-lock:15 validation-under-exclusive-lock:18
-- file: 001_shop.sql released
create table users (id bigint primary key);
create table orders (id bigint primary key, user_id bigint, n int);
-- file: 002_check.sql transaction
alter table orders add constraint n_positive check (n > 0) not valid;
alter table orders validate constraint n_positive;
-- file: 003_key.sql
begin;
alter table orders add constraint orders_user foreign key (user_id) references users not valid;
alter table orders validate constraint orders_user;
commit;
-- file: 004_query.sql query
alter table orders add constraint n_small check (n < 1000) not valid;
alter table orders validate constraint n_small;
-- file: 005_one.sql
alter table orders add constraint n_odd check (n % 2 = 1) not valid;
alter table orders add column x int, validate constraint n_odd;
