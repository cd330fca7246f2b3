-- expect: nothing
-- only: n-plus-one-suspected
-- param: n-plus-one-suspected.calls_per_day = 20
-- twice
create extension if not exists pg_stat_statements;
create table customers (id int primary key, name text not null);
create table orders (id int primary key, customer_id int not null references customers, state text not null);
create index on orders (customer_id);
insert into customers select n, 'c' from generate_series(1, 100) as n;
insert into orders select n, 1 + n % 100, 'open' from generate_series(1, 200) as n;
analyze;
-- then
-- the list and what belongs to it, at once
select o.id, c.name from orders as o join customers as c on c.id = o.customer_id where o.state = 'open' order by o.id limit 25;
select name from customers where id = any (array[2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
-- one look-up for each call of another query is a page with its owner
select id, customer_id from orders where id = 1;
select name from customers where id = 2;
select id, customer_id from orders where id = 2;
select name from customers where id = 3;
select id, customer_id from orders where id = 3;
select name from customers where id = 4;
select id, customer_id from orders where id = 4;
select name from customers where id = 5;
select id, customer_id from orders where id = 5;
select name from customers where id = 6;
select id, customer_id from orders where id = 6;
select name from customers where id = 7;
select id, customer_id from orders where id = 7;
select name from customers where id = 8;
select id, customer_id from orders where id = 8;
select name from customers where id = 9;
select id, customer_id from orders where id = 9;
select name from customers where id = 10;
select id, customer_id from orders where id = 10;
select name from customers where id = 11;
select id, customer_id from orders where id = 11;
select name from customers where id = 12;
select id, customer_id from orders where id = 12;
select name from customers where id = 13;
select id, customer_id from orders where id = 13;
select name from customers where id = 14;
select id, customer_id from orders where id = 14;
select name from customers where id = 15;
select id, customer_id from orders where id = 15;
select name from customers where id = 16;
select id, customer_id from orders where id = 16;
select name from customers where id = 17;
select id, customer_id from orders where id = 17;
select name from customers where id = 18;
select id, customer_id from orders where id = 18;
select name from customers where id = 19;
select id, customer_id from orders where id = 19;
select name from customers where id = 20;
select id, customer_id from orders where id = 20;
select name from customers where id = 21;
select id, customer_id from orders where id = 21;
select name from customers where id = 22;
select id, customer_id from orders where id = 22;
select name from customers where id = 23;
select id, customer_id from orders where id = 23;
select name from customers where id = 24;
select id, customer_id from orders where id = 24;
select name from customers where id = 25;
select id, customer_id from orders where id = 25;
select name from customers where id = 26;
select id, customer_id from orders where id = 26;
select name from customers where id = 27;
select id, customer_id from orders where id = 27;
select name from customers where id = 28;
select id, customer_id from orders where id = 28;
select name from customers where id = 29;
select id, customer_id from orders where id = 29;
select name from customers where id = 30;
select id, customer_id from orders where id = 30;
select name from customers where id = 31;
