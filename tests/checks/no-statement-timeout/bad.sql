-- expect: no-statement-timeout medium {app}
-- only: no-statement-timeout
-- role: app login
-- hint: apply
select 1;
