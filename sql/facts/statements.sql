-- a row is a statement of any database, counted since it was first seen
-- from extension 1.8 (14 after pg_upgrade); pg_read_all_stats for the text of others; reads the file of texts once
-- https://www.postgresql.org/docs/current/pgstatstatements.html
select
  d.datname::text as database,
  r.rolname::text as role,
  s.queryid::text as query_id,
  true as is_top_level,
  pg_catalog.left(s.query, 16384) as query,
  pg_catalog.length(s.query) > 16384 as is_truncated,
  s.calls as calls,
  s.total_exec_time as total_ms,
  s.min_exec_time as min_ms,
  s.max_exec_time as max_ms,
  s.mean_exec_time as mean_ms,
  s.stddev_exec_time as stddev_ms,
  s.rows as rows,
  s.shared_blks_hit as blocks_hit,
  s.shared_blks_read as blocks_read,
  s.temp_blks_written as temp_blocks_written,
  null::timestamptz as since,
  null::timestamptz as extremes_since
from extension_schema.pg_stat_statements(true) as s
left join pg_catalog.pg_database as d on d.oid = s.dbid
left join pg_catalog.pg_roles as r on r.oid = s.userid
order by
  s.total_exec_time desc,
  s.queryid,
  d.datname,
  r.rolname
