-- expect: nothing
-- file: 001_old.sql released
create table orders (id bigint primary key, total int);
create view totals as select id, total from orders;
-- file: 002_runs.sql
-- nothing is known of these
alter table unknown drop column a;
alter table unknown add column b int;
alter table unknown drop constraint c;
create index unknown_b on unknown (b);
drop view unknown_view;
-- these say what if
alter table orders add column if not exists total int;
alter table orders drop column if exists nothing;
create table if not exists orders (id bigint);
create index if not exists orders_total on orders (total);
create index if not exists orders_total on orders (total);
drop table if exists nothing;
alter table if exists nothing add column a int;
-- these depend on rows
alter table orders add column state text not null;
-- made and dropped again
create table lines (id bigint primary key);
drop table lines;
create table lines (id bigint primary key);
drop view totals;
alter table orders alter column total type bigint;
