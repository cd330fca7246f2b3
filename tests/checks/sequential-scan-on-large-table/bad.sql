-- expect: sequential-scan-on-large-table medium public/orders
-- only: sequential-scan-on-large-table
-- param: sequential-scan-on-large-table.hot_scans_per_day = 50
-- wait: select seq_scan >= 60 from pg_stat_user_tables where relname = 'orders'
-- twice
create table orders (id int primary key, customer_id int not null, state text not null);
insert into orders select n, n % 1000, 'open' from generate_series(1, 20000) as n;
analyze;
-- then
select count(*) from orders where customer_id = 1;
select count(*) from orders where customer_id = 2;
select count(*) from orders where customer_id = 3;
select count(*) from orders where customer_id = 4;
select count(*) from orders where customer_id = 5;
select count(*) from orders where customer_id = 6;
select count(*) from orders where customer_id = 7;
select count(*) from orders where customer_id = 8;
select count(*) from orders where customer_id = 9;
select count(*) from orders where customer_id = 10;
select count(*) from orders where customer_id = 11;
select count(*) from orders where customer_id = 12;
select count(*) from orders where customer_id = 13;
select count(*) from orders where customer_id = 14;
select count(*) from orders where customer_id = 15;
select count(*) from orders where customer_id = 16;
select count(*) from orders where customer_id = 17;
select count(*) from orders where customer_id = 18;
select count(*) from orders where customer_id = 19;
select count(*) from orders where customer_id = 20;
select count(*) from orders where customer_id = 21;
select count(*) from orders where customer_id = 22;
select count(*) from orders where customer_id = 23;
select count(*) from orders where customer_id = 24;
select count(*) from orders where customer_id = 25;
select count(*) from orders where customer_id = 26;
select count(*) from orders where customer_id = 27;
select count(*) from orders where customer_id = 28;
select count(*) from orders where customer_id = 29;
select count(*) from orders where customer_id = 30;
select count(*) from orders where customer_id = 31;
select count(*) from orders where customer_id = 32;
select count(*) from orders where customer_id = 33;
select count(*) from orders where customer_id = 34;
select count(*) from orders where customer_id = 35;
select count(*) from orders where customer_id = 36;
select count(*) from orders where customer_id = 37;
select count(*) from orders where customer_id = 38;
select count(*) from orders where customer_id = 39;
select count(*) from orders where customer_id = 40;
select count(*) from orders where customer_id = 41;
select count(*) from orders where customer_id = 42;
select count(*) from orders where customer_id = 43;
select count(*) from orders where customer_id = 44;
select count(*) from orders where customer_id = 45;
select count(*) from orders where customer_id = 46;
select count(*) from orders where customer_id = 47;
select count(*) from orders where customer_id = 48;
select count(*) from orders where customer_id = 49;
select count(*) from orders where customer_id = 50;
select count(*) from orders where customer_id = 51;
select count(*) from orders where customer_id = 52;
select count(*) from orders where customer_id = 53;
select count(*) from orders where customer_id = 54;
select count(*) from orders where customer_id = 55;
select count(*) from orders where customer_id = 56;
select count(*) from orders where customer_id = 57;
select count(*) from orders where customer_id = 58;
select count(*) from orders where customer_id = 59;
select count(*) from orders where customer_id = 60;
