-- one row: the server, the session that reads it, and what its role may see
-- from 14; any role; constant cost
-- https://www.postgresql.org/docs/current/functions-info.html
select
  pg_catalog.current_setting('server_version_num')::int4 as version_number,
  pg_catalog.current_setting('server_version') as version,
  pg_catalog.version() as version_text,
  pg_catalog.now() as read_at,
  pg_catalog.pg_postmaster_start_time() as started_at,
  pg_catalog.pg_conf_load_time() as configured_at,
  pg_catalog.pg_is_in_recovery() as in_recovery,
  pg_catalog.current_setting('block_size')::int4 as block_size,
  pg_catalog.current_database()::text as database,
  session_user::text as role,
  pg_catalog.current_setting('is_superuser') = 'on' as is_superuser,
  pg_catalog.pg_has_role('pg_monitor', 'usage') as has_monitor,
  pg_catalog.pg_has_role('pg_read_all_stats', 'usage') as reads_all_stats,
  pg_catalog.pg_has_role('pg_read_all_settings', 'usage') as reads_all_settings,
  pg_catalog.pg_has_role('pg_stat_scan_tables', 'usage') as scans_tables,
  pg_catalog.pg_has_role('pg_read_all_data', 'usage') as reads_all_data
order by 1
