-- a row is a transaction prepared for two-phase commit
-- from 14; any role; cheap
-- https://www.postgresql.org/docs/current/view-pg-prepared-xacts.html
select
  p.gid as name,
  p.owner::text as owner,
  p.database::text as database,
  p.prepared as prepared_at,
  pg_catalog.age(p.transaction) as xid_age
from pg_catalog.pg_prepared_xacts as p
order by
  p.prepared,
  p.gid
