-- expect: rollback-missing:11
-- file: 001_orders.sql
create table orders (id bigint primary key);
-- file: 001_orders.down.sql down
drop table orders;
-- file: 002_lines.sql
create table lines (id bigint primary key);
-- file: 002_lines.down.sql down
drop table lines;
-- file: 003_notes.sql
create table notes (id bigint primary key);
create table marks (id bigint primary key);
