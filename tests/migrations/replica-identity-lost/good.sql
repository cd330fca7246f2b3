-- expect: nothing
-- file: 001_old.sql released
create table orders (id bigint primary key, total int not null, number bigint not null);
create unique index orders_number on orders (number);
create table whole (id bigint primary key);
alter table whole replica identity full;
create table bare (a int);
-- file: 002_keys.sql
alter table orders drop constraint orders_pkey, add constraint orders_pkey primary key using index orders_number;
alter table orders drop column total;
alter table whole drop constraint whole_pkey;
begin;
alter table orders drop constraint orders_pkey;
alter table orders add primary key (id);
commit;
alter table bare replica identity full;
create publication feed for table bare, orders;
-- file: 003_new.sql
create table lines (id bigint primary key);
alter table lines drop constraint lines_pkey;
