-- expect: nothing
-- file: 001_old.sql released
create table orders (id bigint primary key, owner text);
-- file: 002_new.sql
create table lines (id bigint primary key, owner text);
alter table lines enable row level security;
create policy own on lines using (owner = current_user);
alter table orders disable row level security;
alter table orders no force row level security;
begin;
drop policy own on orders;
create policy owned on orders using (owner = current_user);
commit;
