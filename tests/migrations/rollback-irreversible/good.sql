-- expect: nothing
-- file: 000_old.sql released
create table orders (id bigint primary key, total int, note text);
create index orders_total on orders (total);
-- file: 001_add.sql
create table lines (id bigint primary key);
alter table orders add column a int, add column b int;
create index orders_note on orders (note);
create type state as enum ('new');
create view totals as select id, total from orders;
alter table orders add constraint total_positive check (total > 0) not valid;
-- file: 001_add.down.sql down
alter table orders drop constraint total_positive;
drop view totals;
drop type state;
drop index orders_note;
alter table orders drop column a, drop column b;
drop table lines;
-- file: 002_rename.sql
alter table orders rename column note to remark;
drop index orders_total;
-- file: 002_rename.down.sql down
alter table orders rename column remark to note;
create index orders_total on orders (total);
-- file: 003_says_so.sql
alter table orders drop column total;
-- file: 003_says_so.down.sql down
do $$ begin raise exception 'the totals are in the backup of the day'; end $$;
-- file: 004_nothing_to_undo.sql
select 1;
-- file: 004_nothing_to_undo.down.sql down
select 1;
