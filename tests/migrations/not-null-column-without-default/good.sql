-- expect: nothing
-- file: 001_shop.sql released
create table orders (id bigint primary key, total int);
-- file: 002_state.sql
alter table orders add column state text not null default 'new';
alter table orders add column at timestamptz not null default now();
alter table orders add column token uuid not null default gen_random_uuid();
alter table orders add column number serial not null;
alter table orders add column line bigint not null generated always as identity;
alter table orders add column gross int not null generated always as (total * 2) stored;
alter table orders add column note text;
create table fresh (id int);
alter table fresh add column state text not null;
