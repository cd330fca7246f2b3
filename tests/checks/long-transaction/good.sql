-- expect: nothing
-- only: long-transaction
-- role: app login
-- session as {app}: set application_name = 'web'; select pg_sleep(600)
-- wait: select exists (select from pg_stat_activity where usename = '{app}' and wait_event = 'PgSleep')
select 1;
