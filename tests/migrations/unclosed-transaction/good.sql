-- expect: nothing
-- file: 001_own.sql
begin;
savepoint a;
create table orders (id bigint primary key);
rollback to savepoint a;
release savepoint a;
commit;
begin;
rollback;
-- file: 002_runner.sql transaction
create table lines (id bigint primary key);
-- file: 003_query.sql query
create table notes (id bigint primary key);
begin;
create table marks (id bigint primary key);
commit;
-- file: 004_prepared.sql
begin;
create table other (id bigint primary key);
prepare transaction 'x';
-- file: 005_body.sql
create procedure p() language plpgsql as $$ begin commit; begin null; end; end $$;
