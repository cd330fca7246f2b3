-- expect: idle-in-transaction medium {app}@local%20web
-- only: idle-in-transaction
-- param: idle-in-transaction.min_seconds = 0.2
-- role: app login
-- session as {app}: set application_name = 'web'; begin; select 1
-- wait: select exists (select from pg_stat_activity where usename = '{app}' and state = 'idle in transaction' and clock_timestamp() - state_change > interval '0.3 s')
-- hint: apply
select 1;
