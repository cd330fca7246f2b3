-- expect: nothing
-- file: 001_orders.sql released
create table orders (id bigint primary key);
-- file: 001_orders.down.sql released down
drop table orders;
-- file: 002_lines.sql
create table lines (id bigint primary key);
-- file: 002_lines.down.sql down
drop table lines;
-- file: 003_old.sql released
create table old (id bigint primary key);
