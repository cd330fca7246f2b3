-- one row: the identity of the cluster, from its control file
-- from 14; any role, some managed services revoke it; constant cost
-- https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-PG-CONTROL-SYSTEM
select
  s.system_identifier::text as system_identifier,
  c.timeline_id::int4 as timeline
from pg_catalog.pg_control_system() as s
cross join pg_catalog.pg_control_checkpoint() as c
order by 1
