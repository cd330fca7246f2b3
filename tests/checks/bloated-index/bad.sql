-- expect: bloated-index medium public/events/events_pkey
-- hint: apply
create extension pgstattuple;
create table events (id text collate "C" primary key);
insert into events select lpad(n::text, 70, '0') from generate_series(1, 140000) as n;
delete from events where id not like '%0';
vacuum events;
analyze events;
