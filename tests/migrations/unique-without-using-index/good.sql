-- expect: nothing
-- file: 001_shop.sql released
create table orders (id bigint primary key, number int);
-- file: 002_unique.sql
create unique index concurrently orders_number on orders (number);
alter table orders add constraint orders_number unique using index orders_number;
create table fresh (n int unique);
alter table fresh add constraint fresh_n unique (n);
