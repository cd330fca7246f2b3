-- expect: not-null-scan:8 not-null-scan:10 not-null-scan:13 not-null-scan:14
-- major: 17
-- file: 001_shop.sql released
create table orders (id bigint, n int, s text, waiting int, proven int);
alter table orders add constraint waiting_check check (waiting is not null) not valid;
alter table orders add constraint proven_check check (proven is not null);
-- file: 002_not_null.sql
alter table orders alter column n set not null;
-- a check that is not valid proves nothing, and one of another column proves nothing of this one
alter table orders alter column waiting set not null;
alter table orders
  alter column n drop default,
  alter column s set not null;
alter table only_heard_of alter column n set not null;
