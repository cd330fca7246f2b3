-- expect: enum-value-used-before-commit:7 enum-value-used-before-commit:11 enum-value-used-before-commit:15
-- file: 001_old.sql released
create type state as enum ('new', 'paid');
create table orders (id bigint primary key, state state default 'new');
-- file: 002_runner.sql transaction
alter type state add value 'sent';
update orders set state = 'sent' where state = 'paid';
-- file: 003_own_begin.sql
begin;
alter type state add value 'lost' after 'sent';
alter table orders alter column state set default 'lost';
commit;
-- file: 004_one_query.sql query
alter type state add value if not exists 'back';
insert into orders (id, state) values (1, 'back');
