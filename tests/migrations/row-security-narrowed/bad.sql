-- expect: row-security-narrowed:6 row-security-narrowed:8 row-security-narrowed:10 row-security-narrowed:11
-- file: 001_old.sql released
create table orders (id bigint primary key, owner text);
create table users (id bigint primary key, owner text);
-- file: 002_on.sql
alter table orders enable row level security;
create policy own on users using (owner = current_user);
alter table users
  enable row level security,
  force row level security;
drop policy own on users;
