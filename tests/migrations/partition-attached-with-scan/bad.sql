-- expect: partition-attached-with-scan:13 partition-attached-with-scan:14 partition-attached-with-scan:16 partition-attached-with-scan:17
-- file: 001_events.sql released
create table events (k int, v int) partition by range (k);
create table old (k int, v int);
create table older (k int, v int);
alter table older add constraint older_bound check (k is not null and k >= 10 and k < 20) not valid;
create table logs (k int, v int) partition by range (k);
create table logs_rest partition of logs default;
create table old_logs (k int, v int, constraint bound check (k is not null and k >= 0 and k < 10));
create table old_hash (k int, v int);
create table hashed (k int, v int) partition by hash (k);
-- file: 002_attach.sql
alter table events attach partition old for values from (0) to (10);
alter table events attach partition older for values from (10) to (20);
-- the default partition is read
alter table logs attach partition old_logs for values from (0) to (10);
alter table hashed attach partition old_hash for values with (modulus 2, remainder 0);
