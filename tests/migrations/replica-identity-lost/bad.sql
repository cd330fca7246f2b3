-- expect: replica-identity-lost:12 replica-identity-lost:13 replica-identity-lost:14 replica-identity-lost:15 replica-identity-lost:16 replica-identity-lost:18 replica-identity-lost:19
-- file: 001_old.sql released
create table orders (id bigint primary key, total int);
create table users (id bigint primary key, name text);
create table fed (id bigint primary key);
create publication feed for table fed;
create table bare (a int);
create table other (id bigint not null);
create unique index other_id on other (id);
alter table other replica identity using index other_id;
-- file: 002_keys.sql
alter table orders drop constraint orders_pkey;
alter table users drop column id;
alter table unknown drop constraint unknown_pkey;
alter table fed drop constraint fed_pkey;
drop index other_id;
-- file: 003_nothing.sql
alter table other replica identity nothing;
alter publication feed add table bare;
