-- expect: column-added-with-rewrite:10 column-added-with-rewrite:11 column-added-with-rewrite:12 column-added-with-rewrite:13 column-added-with-rewrite:14 column-added-with-rewrite:15 column-added-with-rewrite:16 column-added-with-rewrite:17 column-added-with-rewrite:18 column-added-with-rewrite:19 column-added-with-rewrite:22 column-added-with-rewrite:23 column-added-with-rewrite:24 column-added-with-rewrite:28 column-added-with-rewrite:32
-- file: 001_shop.sql released
create table orders (id bigint primary key, total int, created_at timestamptz not null default now());
create domain positive as int check (value > 0);
create function next_number() returns int language plpgsql as $$ begin return 1; end $$;
create table events (id bigint, at date) partition by range (at);
create table events_2025 partition of events for values from ('2025-01-01') to ('2026-01-01');
-- file: 002_tokens.sql
set lock_timeout = '5s';
alter table orders add column token uuid not null default gen_random_uuid();
alter table orders add column dice double precision default random();
alter table orders add column seen_at timestamptz default clock_timestamp();
alter table orders add column number serial;
alter table orders add column big_number bigserial;
alter table orders add column line bigint generated always as identity;
alter table orders add column gross int generated always as (total * 2) stored;
alter table orders add column rank int default next_number();
alter table orders add column amount positive;
alter table orders add column amount_five positive default 5;
alter table orders
  add column plain int,
  add column other_token uuid default gen_random_uuid(),
  add column "Odd Name" double precision default random();
alter table events add column token uuid default gen_random_uuid();
do $$
begin
  if not exists (select from information_schema.columns where table_name = 'orders' and column_name = 'guarded') then
    alter table orders add column guarded uuid default gen_random_uuid();
  end if;
end $$;
-- a function that no migration made may be anything
alter table orders add column mystery int default made_elsewhere();
