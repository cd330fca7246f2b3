-- expect: nothing
-- file: 001_old.sql released
create domain email as text check (value like '%@%');
create table orders (id int primary key, note text, code varchar(20), price numeric(10, 2), whole numeric(10, 2),
  at timestamp(3), bits varbit(8), span interval(3), clock time(3), mail email, plain text, same int);
-- file: 002_types.sql
-- no client can tell these
alter table orders alter column code type varchar(40);
alter table orders alter column code type varchar;
alter table orders alter column code type text;
alter table orders alter column note type varchar;
alter table orders alter column price type numeric(12, 2);
alter table orders alter column whole type numeric;
alter table orders alter column at type timestamp(6);
alter table orders alter column bits type varbit(16);
alter table orders alter column span type interval(6);
alter table orders alter column clock type time(6);
alter table orders alter column mail type text;
alter table orders alter column plain type email;
alter table orders alter column note type text collate "C";
alter table orders alter column same type integer;
-- file: 003_new.sql
create table lines (id int primary key);
alter table lines alter column id type bigint;
alter table orders add column wrong int;
alter table orders alter column wrong type text;
