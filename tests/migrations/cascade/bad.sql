-- expect: cascade:16 cascade:17 cascade:18 cascade:20 cascade:21 cascade:22 cascade:23 cascade:24 cascade:26 cascade:27 cascade:29 cascade:30
-- file: 001_old.sql released
create type state as enum ('new');
create function touch() returns trigger language plpgsql as $$ begin return new; end $$;
create table users (id bigint primary key, state state, name text, upper_name text generated always as (upper(name)) stored);
create table orders (id bigint primary key, user_id bigint references users);
create table lines (order_id bigint references orders);
create view people as select id, name from users;
create view names as select name from people;
create trigger touch before update on orders for each row execute function touch();
create schema audit;
create table audit.log (id bigint);
create table animals (id bigint);
create table cats () inherits (animals);
-- file: 002_cascade.sql
drop view people cascade;
drop type state cascade;
drop table users cascade;
-- file: 003_others.sql
drop function touch() cascade;
drop schema audit cascade;
drop table animals cascade;
drop extension hstore cascade;
drop table unknown cascade;
-- file: 004_truncate.sql
truncate orders cascade;
truncate only other_unknown cascade;
-- file: 005_columns.sql
alter table orders drop constraint orders_pkey cascade;
alter table unknown drop column a cascade;
