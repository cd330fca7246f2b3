-- a row is a replication slot and what it holds back
-- from 14; any role; cheap
-- https://www.postgresql.org/docs/current/view-pg-replication-slots.html
select
  s.slot_name::text as name,
  s.slot_type as type,
  s.database::text as database,
  s.active as active,
  s.wal_status as wal_status,
  s.safe_wal_size as safe_wal_bytes,
  s.restart_lsn::text as restart_lsn,
  case
    when not pg_catalog.pg_is_in_recovery()
      then pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), s.restart_lsn)::int8
  end as retained_bytes,
  pg_catalog.age(s.xmin) as xmin_age,
  pg_catalog.age(s.catalog_xmin) as catalog_xmin_age
from pg_catalog.pg_replication_slots as s
order by s.slot_name
