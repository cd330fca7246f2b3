-- expect: char-column:4 char-column:5 char-column:7
-- file: 001_chars.sql
create table orders (id bigint primary key,
  code char(2),
  flag char
);
alter table orders add column land character(3);
