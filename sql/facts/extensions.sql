-- a row is an extension of this database; its version decides its columns, not the server's
-- from 14; any role; cheap
-- https://www.postgresql.org/docs/current/catalog-pg-extension.html
select
  e.extname::text as name,
  e.extversion as version,
  n.nspname::text as schema,
  pg_catalog.has_schema_privilege(n.oid, 'usage') as usable
from pg_catalog.pg_extension as e
join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
order by e.extname
