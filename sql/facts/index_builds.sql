-- a row is an index that is being built or rebuilt at this instant
-- from 14; pg_read_all_stats for what others build, zeros without; cheap
-- https://www.postgresql.org/docs/current/progress-reporting.html#CREATE-INDEX-PROGRESS-REPORTING
select
  coalesce(p.relid, 0::oid) as table_oid,
  coalesce(p.index_relid, 0::oid) as index_oid,
  p.command as command,
  p.phase as phase
from pg_catalog.pg_stat_progress_create_index as p
where p.datname = pg_catalog.current_database()
order by
  1,
  2
