-- expect: nothing
-- file: 001_old.sql released
create table orders (id bigint primary key, total int default 0, state text not null default 'new', kind text not null default 'a');
-- file: 002_drop.sql
alter table orders alter column total drop default;
alter table orders alter column state drop default, alter column state set default 'fresh';
alter table orders add column given int not null default 0;
alter table orders alter column given drop default;
alter table unknown alter column a drop default;
begin;
alter table orders alter column kind drop default;
alter table orders alter column kind drop not null;
commit;
create table lines (a int not null default 1);
alter table lines alter column a drop default;
