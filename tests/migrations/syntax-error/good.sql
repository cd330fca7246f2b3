-- expect: nothing
-- file: 001_fine.sql
create table orders (id bigint primary key, total int);
-- what looks wrong and is right
create table "select" ("from" int);
insert into orders values (1, 2), (3, 4);
select $$ not ' a quote $$, E'it\'s', U&'d\0061t', 'a;b';
create function f() returns int language sql begin atomic select 1; end;
create function g() returns int language plpgsql as $body$ begin return 1; end; $body$;
create rule r as on delete to orders do also (select 1; select 2);
/* a comment /* in a comment */ ; */
;;
select 1 /* the last one has no semicolon */
