-- What a log holds besides statements: errors, temporary files, a cancelled statement.
\set ON_ERROR_STOP off
set work_mem = '64kB';
select * from no_such_table where id = 42;
select 1 / 0;
insert into authors (id, name, country, born) values (1, 'O''Hara', 3, '1950-01-01');
selec 1;
select string_agg(b.title, ',' order by b.title desc) from books as b;
select b.id, r.body
from books as b join reviews as r on r.book_id = b.id
order by r.body, b.title
offset 20000;
set statement_timeout = '5ms';
select pg_sleep(1);
set statement_timeout = 0;
select 'a value
2026-11-22 02:00:16.670 UTC [1]: user=a,db=b,app=c,client=d LOG:  duration: 1.000 ms  statement: SELECT 1
that is no line of its own';
