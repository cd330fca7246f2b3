-- a row is a column of a user's table
-- from 14; any role; one pass over pg_attribute and pg_depend
-- https://www.postgresql.org/docs/current/catalog-pg-attribute.html
select
  a.attrelid as table_oid,
  a.attnum as number,
  a.attname::text as name,
  a.atttypid as type_oid,
  coalesce(b.oid, a.atttypid) as base_type_oid,
  t.typname::text as type,
  a.attcollation as collation_oid,
  coalesce(not l.collisdeterministic, false) as is_nondeterministic,
  a.attnotnull as not_null,
  a.attidentity as identity,
  a.attgenerated as generated,
  a.atthasdef as has_default,
  c.relkind = 'p' and k.objsubid is not null as is_partition_key,
  pg_catalog.format_type(a.atttypid, a.atttypmod)::text as full_type
from pg_catalog.pg_attribute as a
join pg_catalog.pg_class as c on c.oid = a.attrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
join pg_catalog.pg_type as t on t.oid = a.atttypid
left join pg_catalog.pg_collation as l on l.oid = a.attcollation
left join (
  with recursive below as (
    select
      d.oid as domain,
      d.typbasetype as base
    from pg_catalog.pg_type as d
    where d.typtype = 'd'
    union all
    select
      w.domain as domain,
      u.typbasetype as base
    from below as w
    join pg_catalog.pg_type as u on u.oid = w.base
    where u.typtype = 'd'
  )
  select
    w.domain,
    w.base as oid
  from below as w
  join pg_catalog.pg_type as u on u.oid = w.base
  where u.typtype <> 'd'
) as b on b.domain = a.atttypid
left join (
  select distinct
    d.objid,
    d.objsubid
  from pg_catalog.pg_depend as d
  where d.classid = 'pg_catalog.pg_class'::regclass
    and d.refclassid = 'pg_catalog.pg_class'::regclass
    and d.objid = d.refobjid
    and d.objsubid > 0
    and d.refobjsubid = 0
    and d.deptype = 'i'
) as k on k.objid = a.attrelid and k.objsubid = a.attnum
where a.attnum > 0
  and not a.attisdropped
  and c.relkind in ('r', 'p', 'm', 'f')
  and c.relpersistence <> 't'
  and n.nspname not in ('pg_catalog', 'information_schema')
  and n.nspname !~ '^pg_(toast|temp|toast_temp)'
order by
  a.attrelid,
  a.attnum
