-- expect: varchar-with-limit:4 varchar-with-limit:5 varchar-with-limit:7
-- file: 001_limits.sql
create table orders (id bigint primary key,
  code varchar(20),
  names character varying(50)[]
);
alter table orders add column land varchar(3);
