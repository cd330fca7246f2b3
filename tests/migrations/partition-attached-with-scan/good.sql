-- expect: nothing
-- file: 001_events.sql released
create table events (k int, v int) partition by range (k);
create table old (k int, v int);
create table checked (k int, v int, constraint bound check (k is not null and k >= 10 and k < 20));
create table narrower (k int not null, v int, constraint bound check (k >= 22 and k < 28));
-- file: 002_check.sql
alter table old add constraint old_bound check (k is not null and k >= 0 and k < 10) not valid;
-- file: 003_validate.sql
alter table old validate constraint old_bound;
-- file: 004_attach.sql
alter table events attach partition old for values from (0) to (10);
alter table old drop constraint old_bound;
alter table events attach partition checked for values from (10) to (20);
alter table events attach partition narrower for values from (20) to (30);
create table fresh (like events including all);
alter table events attach partition fresh for values from (30) to (40);
