-- a row is an index of a user's table; its expressions and predicate are another fact, reading them can wait for a lock
-- from 15 (nulls not distinct); any role; one pass over pg_index and pg_attribute, the operator families looked up once for each combination of classes
-- https://www.postgresql.org/docs/current/catalog-pg-index.html
select
  i.indexrelid as oid,
  i.indrelid as table_oid,
  c.relname::text as name,
  m.amname::text as method,
  c.relkind as kind,
  c.relispartition as is_partition,
  c.relpages as pages,
  c.reltuples::float8 as row_estimate,
  i.indisunique as is_unique,
  i.indimmediate as is_immediate,
  i.indnullsnotdistinct as nulls_not_distinct,
  i.indisprimary as is_primary,
  i.indisexclusion as is_exclusion,
  i.indisclustered as is_clustered,
  i.indisvalid as is_valid,
  i.indisready as is_ready,
  i.indislive as is_live,
  i.indisreplident as is_replica_identity,
  i.indnkeyatts as key_count,
  i.indkey::int2[] as columns,
  i.indcollation::oid[] as collations,
  i.indclass::oid[] as operator_classes,
  f.operator_families as operator_families,
  f.has_default_classes as has_default_classes,
  p.class_parameters as class_parameters,
  i.indoption::int2[] as options,
  i.indexprs is not null as has_expressions,
  i.indpred is not null as has_predicate,
  c.reloptions as parameters
from pg_catalog.pg_index as i
join pg_catalog.pg_class as c on c.oid = i.indexrelid
join pg_catalog.pg_class as t on t.oid = i.indrelid
join pg_catalog.pg_namespace as n on n.oid = t.relnamespace
join pg_catalog.pg_am as m on m.oid = c.relam
left join (
  select
    d.operator_classes,
    pg_catalog.array_agg(o.opcfamily order by u.position) as operator_families,
    pg_catalog.bool_and(o.opcdefault) as has_default_classes
  from (
    select distinct x.indclass as operator_classes
    from pg_catalog.pg_index as x
  ) as d
  cross join lateral pg_catalog.unnest(d.operator_classes::oid[]) with ordinality as u(operator_class, position)
  join pg_catalog.pg_opclass as o on o.oid = u.operator_class
  group by d.operator_classes
) as f on f.operator_classes = i.indclass
left join (
  select
    a.attrelid,
    pg_catalog.array_agg(a.attnum::text || ' ' || a.attoptions::text order by a.attnum) as class_parameters
  from pg_catalog.pg_attribute as a
  where a.attoptions is not null
  group by a.attrelid
) as p on p.attrelid = i.indexrelid
where t.relkind in ('r', 'p', 'm')
  and t.relpersistence <> 't'
  and n.nspname not in ('pg_catalog', 'information_schema')
  and n.nspname !~ '^pg_(toast|temp|toast_temp)'
order by
  i.indrelid,
  c.relname
