-- expect: no-idle-in-transaction-timeout medium {app}
-- only: no-idle-in-transaction-timeout
-- role: app login
-- hint: apply
select 1;
