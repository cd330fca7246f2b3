-- expect: nothing
-- file: 001_old.sql released
create table orders (id bigint primary key, total int);
-- file: 002_new.sql
create table lines (id bigint primary key, note text);
alter table lines drop column note;
create temp table scratch (a int, b int);
alter table scratch drop column a;
alter table orders add column wrong text;
alter table orders drop column wrong;
alter table orders drop column if exists never_was;
alter table orders alter column total drop not null;
alter table orders drop constraint if exists never_was;
-- file: 003_add.sql
alter table orders add column note text;
-- file: 003_add.down.sql down
alter table orders drop column note;
