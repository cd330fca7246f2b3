-- expect: nothing
-- only: no-statement-timeout
-- role: app login
alter role {app} set statement_timeout = '30s';
