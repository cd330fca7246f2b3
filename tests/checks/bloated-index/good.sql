-- expect: nothing
create extension pgstattuple;
create table fresh (id text collate "C" primary key);
insert into fresh select lpad(n::text, 70, '0') from generate_series(1, 140000) as n;
-- half empty by design
create table designed (id text collate "C", primary key (id) with (fillfactor = 50));
insert into designed select lpad(n::text, 70, '0') from generate_series(1, 80000) as n;
-- bloated, and too small to matter
create table small (id int primary key);
insert into small select generate_series(1, 50000);
delete from small where id % 10 <> 0;
vacuum small;
analyze;
