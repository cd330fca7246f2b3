-- expect: int4-primary-key-near-limit high public/orders/id
-- expect: int4-primary-key-near-limit medium public/codes/id
-- hint: apply
create table orders (id int primary key);
insert into orders values (1), (2147483000);
create table codes (id smallint primary key);
insert into codes values (1), (26000);
analyze;
