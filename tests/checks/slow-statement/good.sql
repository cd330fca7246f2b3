-- expect: nothing
-- only: slow-statement
-- param: slow-statement.limit_ms = 5
-- param: slow-statement.minimum_calls = 20
-- twice
create extension if not exists pg_stat_statements;
create table customers (id int primary key, name text);
insert into customers select n, 'c' from generate_series(1, 100) as n;
analyze;
-- then
select name from customers where id = 1;
select name from customers where id = 2;
select name from customers where id = 3;
select name from customers where id = 4;
select name from customers where id = 5;
select name from customers where id = 6;
select name from customers where id = 7;
select name from customers where id = 8;
select name from customers where id = 9;
select name from customers where id = 10;
select name from customers where id = 11;
select name from customers where id = 12;
select name from customers where id = 13;
select name from customers where id = 14;
select name from customers where id = 15;
select name from customers where id = 16;
select name from customers where id = 17;
select name from customers where id = 18;
select name from customers where id = 19;
select name from customers where id = 20;
select name from customers where id = 21;
select name from customers where id = 22;
select name from customers where id = 23;
select name from customers where id = 24;
select name from customers where id = 25;
-- slow, but too few calls to speak of a percentile
select count(pg_sleep(0.01)) from customers where id = 1;
select count(pg_sleep(0.01)) from customers where id = 2;
select count(pg_sleep(0.01)) from customers where id = 3;
