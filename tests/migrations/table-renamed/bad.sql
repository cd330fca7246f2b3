-- expect: table-renamed:8 table-renamed:9 table-renamed:10 table-renamed:11 table-renamed:12 table-renamed:14
-- file: 001_old.sql released
create table orders (id bigint primary key, total int);
create view totals as select id, total from orders;
create sequence numbers;
create table users (id bigint primary key);
-- file: 002_rename.sql
alter table orders rename to purchases;
alter view totals rename to amounts;
alter sequence numbers rename to counters;
alter table unknown rename to known;
alter schema shop rename to store;
begin;
alter table users rename to people;
create view users as select * from people;
commit;
