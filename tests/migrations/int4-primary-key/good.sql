-- expect: nothing
-- file: 001_keys.sql
create table a (id bigserial primary key);
create table b (id bigint generated always as identity primary key);
create table c (id uuid primary key default gen_random_uuid());
create table d (a int, b int, primary key (a, b));
create table e (code text primary key, n int);
create temp table f (id serial primary key);
create table g (id int references old_orders primary key);
create table h (id int primary key, foreign key (id) references old_orders);
alter table old_users add primary key (id);
