-- expect: nothing
-- file: 001_times.sql
create table orders (id bigint primary key, at timestamptz, sent timestamp(3) with time zone, day date, clock time);
