-- expect: column-type-changed:8 column-type-changed:9 column-type-changed:10 column-type-changed:11 column-type-changed:13 column-type-changed:15 column-type-changed:16 column-type-changed:17 column-type-changed:18 column-type-changed:20
-- file: 001_old.sql released
create type state as enum ('new', 'paid');
create domain cents as bigint;
create table orders (id int primary key, total int, note text, code varchar(20), price numeric(10, 2), at timestamp,
  state state, body jsonb, flag char(1), short varchar(10), amount cents);
-- file: 002_types.sql
alter table orders alter column id type bigint;
alter table orders alter column at type timestamptz using at at time zone 'utc';
alter table orders alter column state type text;
alter table orders
  alter column body type json,
  alter column flag type char(2);
-- narrower: what running code writes may not fit
alter table orders alter column code type varchar(10);
alter table orders alter column note type varchar(100);
alter table orders alter column price type numeric(10, 3);
alter table orders alter column amount type integer;
-- what it was is not known
alter table unknown alter column a type bigint;
