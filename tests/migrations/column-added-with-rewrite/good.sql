-- expect: nothing
-- file: 001_shop.sql released
create table orders (id bigint primary key, total int);
create domain plain as int;
create domain five as int default 5;
create function answer() returns int language sql stable as 'select 42';
create function really_constant() returns int language sql volatile as 'select 42';
-- file: 002_columns.sql
alter table orders add column note text;
alter table orders add column state text not null default 'new';
alter table orders add column n int default -1;
alter table orders add column at timestamptz not null default now();
alter table orders add column day date default current_date;
alter table orders add column utc timestamp default (now() at time zone 'utc');
alter table orders add column stamp timestamptz default current_timestamp;
alter table orders add column low text default lower('X');
alter table orders add column qualified timestamptz default pg_catalog.now();
alter table orders add column list int[] not null default '{}';
alter table orders add column doc jsonb not null default '{}'::jsonb;
alter table orders add column parens int default (1);
alter table orders add column a plain;
alter table orders add column b five;
alter table orders add column c int default answer();
-- its body takes its place, and that is a constant
alter table orders add column d int default really_constant();
alter table orders add column e int generated always as (total * 2) virtual;
alter table orders alter column total set default random();
create table fresh (id int);
alter table fresh add column token uuid default gen_random_uuid();
alter table fresh add column number serial;
do $$
begin
  create table made_within (id int);
  alter table made_within add column token uuid default gen_random_uuid();
end $$;
create temporary table scratch (id int);
alter table scratch add column token uuid default gen_random_uuid();
alter table orders add column if not exists note text;
