-- expect: partition-created-under-lock:9 partition-created-under-lock:10 partition-created-under-lock:11 partition-created-under-lock:12 partition-created-under-lock:13 partition-created-under-lock:14
-- file: 001_events.sql released
create table events (k int, v int) partition by range (k);
create table logs (k int, v int) partition by range (k);
create table logs_rest partition of logs default;
create table places (country text, v int) partition by list (country);
create table rest_of_world partition of places default;
-- file: 002_partitions.sql
create table events_1 partition of events for values from (0) to (10);
create table events_2 partition of events (v check (v > 0)) for values from (10) to (20);
create table events_3 partition of events for values from (20) to (maxvalue) partition by range (v);
create table logs_1 partition of logs for values from (minvalue) to (10);
create table places_unknown partition of places for values in ('?', null);
create table places_nordic partition of places for values in ('dk', 'se');
