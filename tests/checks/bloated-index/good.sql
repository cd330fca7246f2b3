-- expect: nothing
create extension pgstattuple;
create table fresh (id int primary key);
insert into fresh select generate_series(1, 500000);
-- half empty by design
create table designed (id int, primary key (id) with (fillfactor = 50));
insert into designed select generate_series(1, 300000);
-- bloated, and too small to matter
create table small (id int primary key);
insert into small select generate_series(1, 50000);
delete from small where id % 10 <> 0;
vacuum small;
analyze;
