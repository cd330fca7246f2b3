-- expect: connection-too-old medium {app}@local%20web
-- only: connection-too-old
-- param: connection-too-old.max_age_seconds = 0.2
-- role: app login
-- session as {app}: set application_name = 'web'
-- wait: select exists (select from pg_stat_activity where usename = '{app}' and application_name = 'web' and state = 'idle' and clock_timestamp() - backend_start > interval '0.3 s')
select 1;
