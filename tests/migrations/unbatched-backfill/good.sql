-- expect: nothing
-- file: 001_shop.sql released
create table orders (id bigint primary key, n int, state text);
create table users (id bigint primary key, n int);
-- file: 002_few.sql
update orders set n = 0 where id = 5;
update orders set n = 0 where id in (1, 2, 3);
update orders set n = 0 where id between 1 and 1000;
update orders set n = 0 where id in (select id from orders where n is null limit 5000);
update orders set n = 0 where ctid = any(array(select ctid from orders where n is null limit 5000));
delete from orders where id = 5 and state = 'old';
insert into users select id, n from orders;
do $$ begin
  for i in 1..100 loop
    update orders set n = 0 where id between i * 1000 and i * 1000 + 999;
  end loop;
end $$;
create table fresh (n int);
insert into fresh values (1);
update fresh set n = 2;
create temporary table scratch as select id from orders;
delete from scratch;
