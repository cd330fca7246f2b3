-- expect: nothing
-- file: 001_identity.sql
create table orders (id bigint generated always as identity primary key, number int, serial text);
