-- expect: unclosed-transaction:3 unclosed-transaction:8 unclosed-transaction:11 unclosed-transaction:13 unclosed-transaction:17 unclosed-transaction:20 unclosed-transaction:26 unclosed-transaction:29
-- file: 001_open.sql
begin;
create table orders (id bigint primary key);
-- file: 002_runner.sql transaction
begin;
create table lines (id bigint primary key);
commit;
-- file: 003_runner_rolls_back.sql transaction
create table notes (id bigint primary key);
rollback;
-- file: 004_begin_only.sql transaction
begin;
create table marks (id bigint primary key);
-- file: 005_nothing_open.sql
create table other (id bigint primary key);
commit;
-- file: 006_twice.sql
begin;
begin;
create table twice (id bigint primary key);
commit;
-- file: 007_chain.sql
begin;
create table chained (id bigint primary key);
commit and chain;
-- file: 008_query.sql query
create table asked (id bigint primary key);
begin;
create table again (id bigint primary key);
