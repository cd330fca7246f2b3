-- expect: column-type-rewrite:14 column-type-rewrite:15 column-type-rewrite:16 column-type-rewrite:17 column-type-rewrite:18 column-type-rewrite:19 column-type-rewrite:20 column-type-rewrite:21 column-type-rewrite:22 column-type-rewrite:23 column-type-rewrite:26 column-type-rewrite:27 column-type-rewrite:28 column-type-rewrite:30
-- file: 001_shop.sql released
create type mood as enum ('good', 'bad');
create domain positive as int check (value > 0);
create table users (id bigint primary key);
create table orders (
  id bigint primary key, n int, s varchar(50), t text, amount numeric(10, 2), at timestamp, code char(5), doc jsonb,
  m mood, user_id bigint references users, checked varchar(10), constraint is_short check (length(checked) < 10)
);
create index orders_t on orders (t);
create table events (k int, v int) partition by range (k);
create table events_1 partition of events for values from (0) to (10);
-- file: 002_types.sql
alter table orders alter column n type bigint;
alter table orders alter column s type varchar(20);
alter table orders alter column t type varchar(100);
alter table orders alter column amount type numeric(10, 3);
alter table orders alter column at type timestamptz;
alter table orders alter column code type text;
alter table orders alter column doc type json;
alter table orders alter column m type text;
alter table orders alter column n type int using n + 0;
alter table orders alter column n type positive;
alter table orders
  alter column s type text,
  alter column amount type bigint;
alter table events alter column v type bigint;
alter table only_heard_of alter column n type bigint;
-- nothing is written, but the index is built anew
alter table orders alter column t type text collate "C";
