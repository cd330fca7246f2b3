-- expect: nothing
-- file: 001_shop.sql released
create domain plain as int;
create domain positive as int check (value > 0);
create table orders (
  id bigint primary key, n int, s varchar(50), t text, amount numeric(10, 2), at timestamp(3), ip cidr, bits varbit(8),
  hour time(3), wait interval(3), p positive
);
create index orders_s on orders (s);
-- file: 002_types.sql
alter table orders alter column s type varchar(100);
alter table orders alter column s type varchar;
alter table orders alter column s type text;
alter table orders alter column t type varchar;
alter table orders alter column amount type numeric(12, 2);
alter table orders alter column amount type numeric;
alter table orders alter column at type timestamp(6);
alter table orders alter column at type timestamp;
alter table orders alter column ip type inet;
alter table orders alter column bits type varbit(16);
alter table orders alter column hour type time(6);
alter table orders alter column wait type interval(6);
alter table orders alter column n type int;
alter table orders alter column n type int using n::int;
alter table orders alter column n type plain;
alter table orders alter column p type int;
create table fresh (n int);
alter table fresh alter column n type bigint;
-- file: 003_zone.sql
set timezone = 'UTC';
alter table orders alter column at type timestamptz;
