-- expect: slow-statement medium 6d7aeb52ebc40353
-- only: slow-statement
-- param: slow-statement.limit_ms = 5
-- param: slow-statement.minimum_calls = 20
-- twice
create extension if not exists pg_stat_statements;
create table customers (id int primary key, name text);
insert into customers select n, 'c' from generate_series(1, 100) as n;
analyze;
-- then
select count(pg_sleep(0.01)) from customers where id = 1;
select count(pg_sleep(0.01)) from customers where id = 2;
select count(pg_sleep(0.01)) from customers where id = 3;
select count(pg_sleep(0.01)) from customers where id = 4;
select count(pg_sleep(0.01)) from customers where id = 5;
select count(pg_sleep(0.01)) from customers where id = 6;
select count(pg_sleep(0.01)) from customers where id = 7;
select count(pg_sleep(0.01)) from customers where id = 8;
select count(pg_sleep(0.01)) from customers where id = 9;
select count(pg_sleep(0.01)) from customers where id = 10;
select count(pg_sleep(0.01)) from customers where id = 11;
select count(pg_sleep(0.01)) from customers where id = 12;
select count(pg_sleep(0.01)) from customers where id = 13;
select count(pg_sleep(0.01)) from customers where id = 14;
select count(pg_sleep(0.01)) from customers where id = 15;
select count(pg_sleep(0.01)) from customers where id = 16;
select count(pg_sleep(0.01)) from customers where id = 17;
select count(pg_sleep(0.01)) from customers where id = 18;
select count(pg_sleep(0.01)) from customers where id = 19;
select count(pg_sleep(0.01)) from customers where id = 20;
select count(pg_sleep(0.01)) from customers where id = 21;
select count(pg_sleep(0.01)) from customers where id = 22;
select count(pg_sleep(0.01)) from customers where id = 23;
select count(pg_sleep(0.01)) from customers where id = 24;
select count(pg_sleep(0.01)) from customers where id = 25;
