-- a row is a session and how its connection is encrypted
-- from 14; pg_read_all_stats for the sessions of others; cheap
-- https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STAT-SSL-VIEW
select
  s.pid as pid,
  s.ssl as encrypted,
  s.version as version,
  s.cipher as cipher,
  s.bits as bits
from pg_catalog.pg_stat_ssl as s
order by s.pid
