-- expect: nothing
-- file: 001_old.sql released
create table orders (id bigint primary key, total int);
create view totals as select id, total from orders;
create view amounts as select id, total from orders;
-- file: 002_more.sql
create or replace view totals as select id, total, total * 2 as doubled from orders;
begin;
drop view amounts;
create view amounts as select total, id, 1 as n from orders;
grant select on amounts to app;
commit;
create view fresh as select id from orders;
drop view fresh;
-- file: 003_add.sql
create view extra as select id from orders;
-- file: 003_add.down.sql down
drop view extra;
