-- expect: nothing
-- only: slow-query-log-off
-- role: app login
alter role {app} set log_min_duration_statement = '100ms';
