-- a row is an index with expressions or a predicate, and their text; $1: tables to leave out because they are locked
-- from 14; any role; takes AccessShareLock on the table of each such index
-- https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-CATALOG
select
  i.indexrelid as oid,
  pg_catalog.pg_get_expr(i.indexprs, i.indrelid) as expressions,
  pg_catalog.pg_get_expr(i.indpred, i.indrelid) as predicate
from pg_catalog.pg_index as i
join pg_catalog.pg_class as t on t.oid = i.indrelid
join pg_catalog.pg_namespace as n on n.oid = t.relnamespace
where (i.indexprs is not null or i.indpred is not null)
  and not i.indrelid = any ($1::oid[])
  and t.relpersistence <> 't'
  and n.nspname not in ('pg_catalog', 'information_schema')
  and n.nspname !~ '^pg_(toast|temp|toast_temp)'
order by i.indexrelid
