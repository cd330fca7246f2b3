-- expect: nothing
-- only: no-lock-timeout
-- role: app login
alter role {app} set lock_timeout = '5s';
