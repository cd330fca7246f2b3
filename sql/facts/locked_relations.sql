-- a row is a relation of this database that somebody holds, or waits for, in AccessExclusiveLock
-- from 14; any role; cheap
-- https://www.postgresql.org/docs/current/view-pg-locks.html
select distinct
  l.relation as oid
from pg_catalog.pg_locks as l
where l.locktype = 'relation'
  and l.mode = 'AccessExclusiveLock'
  and l.database = (
    select d.oid
    from pg_catalog.pg_database as d
    where d.datname = pg_catalog.current_database()
  )
order by l.relation
