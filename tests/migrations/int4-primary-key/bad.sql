-- expect: int4-primary-key:4 int4-primary-key:6 int4-primary-key:7 int4-primary-key:9 int4-primary-key:11
-- file: 001_keys.sql
create table a (
  id serial primary key
);
create table b (id int generated always as identity, note text, primary key (id));
create table c (id smallint primary key, note text);
create sequence numbers;
create table d (id int default nextval('numbers') primary key);
create table e (id integer not null, note text);
alter table only e add constraint e_pkey primary key (id);
