-- expect: nothing
-- file: 001_jsonb.sql
create table orders (id bigint primary key, body jsonb, parts jsonb[], json text);
alter table orders add column extra jsonb;
alter table orders alter column json type jsonb using json::jsonb;
