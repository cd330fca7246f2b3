-- expect: nothing
-- file: 001_shop.sql released
create table orders (id bigint primary key, n int, s text, proven int, joined int);
alter table orders add constraint proven_check check (proven is not null);
alter table orders add constraint joined_check check (joined is not null and joined > 0);
-- file: 002_check.sql
alter table orders add constraint n_check check (n is not null) not valid;
-- file: 003_validate.sql
alter table orders validate constraint n_check;
-- file: 004_not_null.sql
alter table orders alter column n set not null;
alter table orders drop constraint n_check;
alter table orders alter column proven set not null;
alter table orders alter column joined set not null;
-- it is already
alter table orders alter column id set not null;
alter table orders alter column s drop not null;
create table fresh (n int);
alter table fresh alter column n set not null;
-- from 18 on
alter table orders add constraint s_not_null not null s not valid;
