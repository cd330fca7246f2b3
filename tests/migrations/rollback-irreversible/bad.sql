-- expect: rollback-irreversible:10 rollback-irreversible:16 rollback-irreversible:16 rollback-irreversible:16 rollback-irreversible:21 rollback-irreversible:21 rollback-irreversible:26 rollback-irreversible:26 rollback-irreversible:30
-- file: 000_old.sql released
create table orders (id bigint primary key, total int, note text);
create index orders_total on orders (total);
create type state as enum ('new');
create table cache (id bigint);
-- file: 001_nothing.sql
create table lines (id bigint primary key);
-- file: 001_nothing.down.sql down
select 1;
-- file: 002_left.sql
create table notes (id bigint primary key);
alter table orders add column a int, add column b int;
create index orders_note on orders (note);
-- file: 002_left.down.sql down
alter table orders drop column a;
-- file: 003_lost.sql
drop index orders_total;
alter table orders rename column total to amount;
-- file: 003_lost.down.sql down
create table something_else (id bigint);
-- file: 004_without_values.sql
alter table orders drop column note;
truncate cache;
-- file: 004_without_values.down.sql down
alter table orders add column note text;
-- file: 005_value.sql
alter type state add value 'old';
-- file: 005_value.down.sql down
select 1;
