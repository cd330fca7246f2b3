-- a row is an entry of the configuration files: what the server says where a role of ours is overridden
-- from 14; superuser, or select on pg_file_settings and execute on pg_show_all_file_settings(); cheap
-- https://www.postgresql.org/docs/current/view-pg-file-settings.html
select
  f.name as name,
  f.setting as setting,
  f.applied as applied,
  f.error as error
from pg_catalog.pg_file_settings as f
where f.name is not null
order by
  f.seqno
