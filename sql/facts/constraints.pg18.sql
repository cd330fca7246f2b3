-- a row is a primary key, unique, exclusion or foreign key constraint of a user's table
-- from 18 (not enforced, period); any role; one pass over pg_constraint
-- https://www.postgresql.org/docs/current/catalog-pg-constraint.html
select
  k.oid as oid,
  k.conrelid as table_oid,
  k.conname::text as name,
  k.contype as type,
  k.conkey as columns,
  k.conindid as index_oid,
  k.confrelid as referenced_table_oid,
  k.confkey as referenced_columns,
  k.conpfeqop as equality_operators,
  k.confdeltype as on_delete,
  k.confupdtype as on_update,
  k.confmatchtype as match,
  k.convalidated as is_validated,
  k.conenforced as is_enforced,
  k.conperiod as is_temporal,
  k.conparentid as parent_oid
from pg_catalog.pg_constraint as k
join pg_catalog.pg_class as c on c.oid = k.conrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where k.contype in ('p', 'u', 'x', 'f')
  and c.relpersistence <> 't'
  and n.nspname not in ('pg_catalog', 'information_schema')
  and n.nspname !~ '^pg_(toast|temp|toast_temp)'
order by
  k.conrelid,
  k.conname,
  k.oid
