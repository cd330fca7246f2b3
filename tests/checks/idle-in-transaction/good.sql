-- expect: nothing
-- only: idle-in-transaction
-- role: app login
-- session as {app}: set application_name = 'web'; select 1
-- wait: select exists (select from pg_stat_activity where usename = '{app}' and application_name = 'web' and state = 'idle')
select 1;
