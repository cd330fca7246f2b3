-- a row is a configuration parameter as this session sees it
-- from 14; any role, superuser-only parameters need pg_read_all_settings; cheap
-- https://www.postgresql.org/docs/current/view-pg-settings.html
select
  s.name as name,
  s.setting as setting,
  s.unit as unit,
  s.vartype as vartype,
  s.context as context,
  s.source as source,
  s.boot_val as boot_value,
  s.reset_val as reset_value,
  s.pending_restart as pending_restart
from pg_catalog.pg_settings as s
order by s.name
