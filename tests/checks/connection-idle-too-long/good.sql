-- expect: nothing
-- only: connection-idle-too-long
-- role: app login
-- session as {app}: set application_name = 'web'
-- wait: select exists (select from pg_stat_activity where usename = '{app}' and application_name = 'web')
select 1;
