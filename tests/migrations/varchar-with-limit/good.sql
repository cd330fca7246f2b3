-- expect: nothing
-- file: 001_limits.sql
create table orders (id bigint primary key, code varchar, land text, price numeric(10, 2), check (length(land) = 2));
alter table orders alter column code type varchar(100);
