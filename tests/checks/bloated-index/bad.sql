-- expect: bloated-index medium public/events/events_pkey
-- hint: apply
create extension pgstattuple;
create table events (id int primary key);
insert into events select generate_series(1, 600000);
delete from events where id % 10 <> 0;
vacuum events;
analyze events;
