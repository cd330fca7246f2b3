-- expect: unbatched-backfill:6 unbatched-backfill:7 unbatched-backfill:8 unbatched-backfill:9 unbatched-backfill:11 unbatched-backfill:13 unbatched-backfill:14
-- file: 001_shop.sql released
create table orders (id bigint primary key, n int, state text);
create table users (id bigint primary key, n int);
-- file: 002_backfill.sql
update orders set n = 0;
update orders set state = 'new' where state is null;
delete from orders where state <> 'new';
delete from users;
do $$ begin
  update users set n = 1;
end $$;
update orders set n = users.n from users where users.id = orders.id;
merge into orders using users on users.id = orders.id when matched then update set n = users.n;
