-- expect: nothing
create table orders (id int primary key);
insert into orders values (1), (1000000000);
create table wide (id bigint primary key);
insert into wide values (3000000000);
create table none (id int primary key);
create table named (id text primary key);
insert into named values ('2147483000');
analyze;
