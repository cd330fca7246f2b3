-- expect: column-renamed:6 column-renamed:7 column-renamed:8 column-renamed:9
-- file: 001_old.sql released
create table orders (id bigint primary key, total numeric(10, 2), note varchar(40)[]);
create view totals as select id, total from orders;
-- file: 002_rename.sql
alter table orders rename column total to amount;
alter table orders rename note to "Note";
alter view totals rename column total to amount;
alter table unknown rename column a to b;
