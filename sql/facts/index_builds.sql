-- a row is an index that is being built or rebuilt at this instant
-- from 14; any role; cheap
-- https://www.postgresql.org/docs/current/progress-reporting.html#CREATE-INDEX-PROGRESS-REPORTING
select
  p.relid as table_oid,
  p.index_relid as index_oid,
  p.command as command,
  p.phase as phase
from pg_catalog.pg_stat_progress_create_index as p
where p.datname = pg_catalog.current_database()
order by
  p.relid,
  p.index_relid
