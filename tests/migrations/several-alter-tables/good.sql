-- expect: nothing
-- file: 001_old.sql released
create table orders (id bigint primary key, total int, amount int, note text);
-- file: 002_held_anyway.sql transaction
alter table orders add column state text;
alter table orders add column kind text;
-- file: 003_belongs_apart.sql
alter table orders add constraint total_given check (total is not null) not valid;
alter table orders validate constraint total_given;
alter table orders alter column total set not null;
alter table orders drop constraint total_given;
alter table orders add column a int;
alter table orders alter column a set default 5;
-- file: 004_one_each.sql
alter table orders add column b int, add column c int, drop column note;
alter table users add column b int;
-- file: 005_new.sql
create table lines (id bigint primary key);
alter table lines add column a int;
alter table lines add column b int;
