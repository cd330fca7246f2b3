-- expect: partition-detached-without-concurrently:9 partition-detached-without-concurrently:10
-- file: 001_events.sql released
create table events (k int, v int) partition by range (k);
create table events_1 partition of events for values from (0) to (10);
create table logs (k int, v int) partition by range (k);
create table logs_1 partition of logs for values from (0) to (10);
create table logs_rest partition of logs default;
-- file: 002_detach.sql
alter table events detach partition events_1;
alter table logs detach partition logs_1;
