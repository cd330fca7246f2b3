-- expect: syntax-error:4 syntax-error:6 syntax-error:7 syntax-error:8 syntax-error:10
-- file: 001_errors.sql
create table orders (id bigint primary key, total int);
alter table orders ad column note text;
create index on orders (total);
select 1 from from orders;
creat table typo (id int);
drop table;;
-- file: 002_unread.sql
do $$ declare name text; begin execute 'drop table ' || name; end $$;
