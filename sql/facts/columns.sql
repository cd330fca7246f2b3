-- a row is a column of a user's table
-- from 14; any role; one pass over pg_attribute
-- https://www.postgresql.org/docs/current/catalog-pg-attribute.html
select
  a.attrelid as table_oid,
  a.attnum as number,
  a.attname::text as name,
  a.atttypid as type_oid,
  case
    when t.typtype = 'd' then t.typbasetype
    else a.atttypid
  end as base_type_oid,
  t.typname::text as type,
  a.attcollation as collation_oid,
  coalesce(not l.collisdeterministic, false) as is_nondeterministic,
  a.attnotnull as not_null,
  a.attidentity as identity,
  a.attgenerated as generated,
  a.atthasdef as has_default
from pg_catalog.pg_attribute as a
join pg_catalog.pg_class as c on c.oid = a.attrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
join pg_catalog.pg_type as t on t.oid = a.atttypid
left join pg_catalog.pg_collation as l on l.oid = a.attcollation
where a.attnum > 0
  and not a.attisdropped
  and c.relkind in ('r', 'p', 'm', 'f')
  and c.relpersistence <> 't'
  and n.nspname not in ('pg_catalog', 'information_schema')
  and n.nspname !~ '^pg_(toast|temp|toast_temp)'
order by
  a.attrelid,
  a.attnum
