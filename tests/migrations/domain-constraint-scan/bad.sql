-- expect: domain-constraint-scan:8 domain-constraint-scan:9 domain-constraint-scan:11
-- file: 001_shop.sql released
create domain amount as int;
create domain small_amount as amount;
create table orders (id bigint primary key, n amount);
create table items (id bigint primary key, n small_amount);
-- file: 002_domain.sql
alter domain amount add constraint amount_positive check (value > 0);
alter domain amount set not null;
alter domain amount add constraint amount_small check (value < 1000) not valid;
alter domain amount validate constraint amount_small;
