-- expect: no-lock-timeout low {app}
-- only: no-lock-timeout
-- role: app login
-- database: set lock_timeout = '5s'
-- hint: apply
-- the role's own value comes before the database's
alter role {app} set lock_timeout = 0;
