-- expect: nothing
-- file: 001_events.sql released
create table events (k int, v int) partition by range (k);
create table events_1 partition of events for values from (0) to (10);
-- file: 002_detach.sql
alter table events detach partition events_1 concurrently;
create table fresh (k int) partition by range (k);
create table fresh_1 partition of fresh for values from (0) to (10);
alter table fresh detach partition fresh_1;
