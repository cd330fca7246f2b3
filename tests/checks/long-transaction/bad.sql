-- expect: long-transaction medium {app}@local%20web
-- only: long-transaction
-- param: long-transaction.min_seconds = 0.2
-- role: app login
-- session as {app}: set application_name = 'web'; select pg_sleep(600)
-- wait: select exists (select from pg_stat_activity where usename = '{app}' and state = 'active' and clock_timestamp() - xact_start > interval '0.3 s')
-- hint: apply
select 1;
