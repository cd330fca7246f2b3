-- one row: the pages of one B-tree index, counted by reading it all; $1: its oid
-- from 14; pgstattuple, pg_stat_scan_tables; reads the whole index, AccessShareLock on the index only
-- https://www.postgresql.org/docs/current/pgstattuple.html
select
  s.index_size as bytes,
  s.internal_pages as internal_pages,
  s.leaf_pages as leaf_pages,
  s.empty_pages as empty_pages,
  s.deleted_pages as deleted_pages,
  s.avg_leaf_density as leaf_density,
  s.leaf_fragmentation as leaf_fragmentation
from extension_schema.pgstatindex($1::oid::regclass) as s
order by 1
