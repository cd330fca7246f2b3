-- a row is a key column of an index and the planner's statistics of it; $1: the indexes
-- from 14; select on the table for its statistics to be visible; reads pg_stats for the tables of those indexes
-- https://www.postgresql.org/docs/current/view-pg-stats.html
select
  i.indexrelid as index_oid,
  a.attname::text as column,
  a.atttypid = 'pg_catalog.name'::regtype as is_name,
  s.avg_width as average_width,
  s.null_frac::float8 as null_fraction,
  s.n_distinct::float8 as distinct_values
from pg_catalog.unnest($1::oid[]) as w(oid)
join pg_catalog.pg_index as i on i.indexrelid = w.oid
join pg_catalog.pg_class as t on t.oid = i.indrelid
join pg_catalog.pg_namespace as n on n.oid = t.relnamespace
cross join lateral pg_catalog.unnest(i.indkey::int2[]) as k(number)
join pg_catalog.pg_attribute as a on a.attrelid = t.oid and a.attnum = k.number
left join pg_catalog.pg_stats as s
  on s.schemaname = n.nspname
  and s.tablename = t.relname
  and s.attname = a.attname
  and not s.inherited
order by
  i.indexrelid,
  a.attnum
