-- expect: truncate:5 truncate:6 truncate:6 truncate:7
-- file: 001_old.sql released
create table orders (id bigint primary key);
-- file: 002_truncate.sql
truncate orders;
truncate table only unknown, orders restart identity;
do $$ begin truncate orders; end $$;
