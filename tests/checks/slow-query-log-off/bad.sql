-- expect: slow-query-log-off low {app}
-- only: slow-query-log-off
-- role: app login
-- hint: apply
alter role {app} set log_min_duration_statement = '500ms';
