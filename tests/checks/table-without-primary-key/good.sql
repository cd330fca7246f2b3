-- expect: nothing
-- only: table-without-primary-key
create table orders (id int primary key);
create table accounts (name text not null);
create unique index accounts_name on accounts (name);
alter table accounts replica identity using index accounts_name;
create table events (id int, primary key (id)) partition by hash (id);
create table events_0 partition of events for values with (modulus 1, remainder 0);
create temporary table scratch (note text);
create materialized view summary as select count(*) as n from orders;
create view all_orders as select id from orders;
