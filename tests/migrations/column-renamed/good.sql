-- expect: nothing
-- file: 001_old.sql released
create table orders (id bigint primary key, total int);
create index orders_total on orders (total);
-- file: 002_other_names.sql
alter table orders rename constraint orders_pkey to orders_key;
alter index orders_total rename to orders_by_total;
create table lines (id bigint primary key, note text);
alter table lines rename column note to remark;
alter table orders add column wrong text;
alter table orders rename column wrong to right_one;
-- file: 003_back.sql
alter table orders add column a int;
-- file: 003_back.down.sql down
alter table orders rename column total to amount;
