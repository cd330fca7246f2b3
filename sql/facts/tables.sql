-- a row is a table, partitioned table, materialized view or foreign table of a user
-- from 14; any role; one pass over pg_class and pg_depend
-- https://www.postgresql.org/docs/current/catalog-pg-class.html
select
  c.oid as oid,
  n.nspname::text as schema,
  c.relname::text as name,
  c.relkind as kind,
  c.relpersistence as persistence,
  pg_catalog.pg_get_userbyid(c.relowner)::text as owner,
  c.relpages as pages,
  c.reltuples::float8 as row_estimate,
  c.relallvisible as all_visible_pages,
  c.relispartition as is_partition,
  c.relreplident as replica_identity,
  o.relpages as toast_pages,
  case
    when c.relfrozenxid <> '0'::xid then pg_catalog.age(c.relfrozenxid)
  end as frozen_xid_age,
  case
    when c.relminmxid <> '0'::xid then pg_catalog.mxid_age(c.relminmxid)
  end as min_mxid_age,
  case
    when o.relfrozenxid <> '0'::xid then pg_catalog.age(o.relfrozenxid)
  end as toast_frozen_xid_age,
  c.reloptions as options,
  x.objid is not null as owned_by_extension,
  c.reloftype <> 0::oid as is_typed
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
left join pg_catalog.pg_class as o on o.oid = c.reltoastrelid
left join pg_catalog.pg_depend as x
  on x.classid = 'pg_catalog.pg_class'::regclass
  and x.objid = c.oid
  and x.objsubid = 0
  and x.refclassid = 'pg_catalog.pg_extension'::regclass
  and x.deptype = 'e'
where c.relkind in ('r', 'p', 'm', 'f')
  and c.relpersistence <> 't'
  and n.nspname not in ('pg_catalog', 'information_schema')
  and n.nspname !~ '^pg_(toast|temp|toast_temp)'
order by
  n.nspname,
  c.relname
