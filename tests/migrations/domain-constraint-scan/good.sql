-- expect: nothing
-- file: 001_shop.sql released
create domain amount as int;
create table orders (id bigint primary key, n amount);
create domain idle as int;
-- file: 002_domain.sql
alter domain amount add constraint amount_positive check (value > 0) not valid;
alter domain amount set default 5;
alter domain amount drop not null;
alter domain idle add constraint idle_positive check (value > 0);
create domain fresh as int;
create table new_orders (n fresh);
alter domain fresh add constraint fresh_positive check (value > 0);
