-- expect: nothing
-- file: 001_old.sql released
create table orders (id bigint primary key);
-- file: 002_harden.sql
create table lines (id bigint primary key);
revoke all on lines from public;
create function f() returns int language sql as 'select 1';
revoke execute on function f() from public;
create schema s;
revoke all on schema s from public;
begin;
revoke all on orders from app;
grant select on orders to app;
commit;
alter default privileges in schema public revoke execute on functions from public;
grant select on orders to app;
