-- expect: timestamp-without-time-zone:4 timestamp-without-time-zone:5 timestamp-without-time-zone:7
-- file: 001_times.sql
create table orders (id bigint primary key,
  at timestamp,
  sent timestamp(3) without time zone
);
alter table orders add column paid timestamp default now();
