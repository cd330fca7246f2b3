-- expect: nothing
-- file: 001_chars.sql
create table orders (id bigint primary key, code text, flag "char", land varchar(3));
