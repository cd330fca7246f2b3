-- expect: several-alter-tables:7 several-alter-tables:11
-- file: 001_old.sql released
create table orders (id bigint primary key, total int, amount int, note text);
create table users (id bigint primary key, a int);
-- file: 002_one_by_one.sql
alter table orders add column state text;
alter table orders drop column note;
alter table orders add column kind text default 'a';
-- file: 003_rows_twice.sql transaction
alter table orders alter column total type bigint;
alter table orders alter column amount type bigint;
