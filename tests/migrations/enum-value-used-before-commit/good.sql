-- expect: nothing
-- file: 001_old.sql released
create type state as enum ('new', 'paid');
create table orders (id bigint primary key, state state default 'new', note text);
-- file: 002_add.sql transaction
alter type state add value 'sent';
update orders set state = 'paid' where state = 'new';
-- file: 003_use.sql transaction
update orders set state = 'sent' where state = 'paid';
-- file: 004_committed.sql
begin;
alter type state add value 'lost';
commit;
update orders set state = 'lost' where id = 1;
-- file: 005_alone.sql
alter type state add value 'back';
update orders set state = 'back' where id = 2;
-- file: 006_new_type.sql transaction
create type colour as enum ('red');
create table paint (id bigint primary key, colour colour default 'red');
insert into paint (id, colour) values (1, 'red');
