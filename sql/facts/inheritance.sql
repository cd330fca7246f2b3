-- a row is a table or index and the one it is a partition or child of
-- from 14; any role; one pass over pg_inherits
-- https://www.postgresql.org/docs/current/catalog-pg-inherits.html
select
  i.inhrelid as child_oid,
  i.inhparent as parent_oid
from pg_catalog.pg_inherits as i
order by
  i.inhrelid,
  i.inhseqno
