-- expect: nothing
-- file: 001_events.sql released
create table events (k int, v int) partition by range (k);
create table logs (k int, v int) partition by range (k);
create table logs_rest partition of logs default;
-- file: 002_partitions.sql
create table events_1 (like events including all excluding identity);
set lock_timeout = '5s';
alter table events attach partition events_1 for values from (0) to (10);
create table fresh (k int) partition by range (k);
create table fresh_1 partition of fresh for values from (0) to (10);
create table fresh_rest partition of fresh default;
create table fresh_2 partition of fresh for values from (10) to (20);
create table plain (k int);
