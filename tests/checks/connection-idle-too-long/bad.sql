-- expect: connection-idle-too-long medium {app}@local%20web
-- only: connection-idle-too-long
-- param: connection-idle-too-long.max_idle_seconds = 0.2
-- role: app login
-- session as {app}: set application_name = 'web'
-- wait: select exists (select from pg_stat_activity where usename = '{app}' and application_name = 'web' and state = 'idle' and clock_timestamp() - state_change > interval '0.3 s')
select 1;
