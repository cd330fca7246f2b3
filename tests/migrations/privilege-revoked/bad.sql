-- expect: privilege-revoked:5 privilege-revoked:6 privilege-revoked:7 privilege-revoked:8 privilege-revoked:9 privilege-revoked:10
-- file: 001_old.sql released
create table orders (id bigint primary key);
-- file: 002_revoke.sql
revoke insert, update on orders from app;
revoke all on orders from public;
revoke usage on schema public from app;
revoke select on all tables in schema public from app, reports;
revoke writers from app;
drop role app;
