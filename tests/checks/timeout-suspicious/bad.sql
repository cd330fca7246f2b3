-- expect: timeout-suspicious medium {app}.statement_timeout
-- expect: timeout-suspicious low {app}.lock_timeout
-- expect: timeout-suspicious info {app}.idle_session_timeout
-- only: timeout-suspicious
-- role: app login
-- thirty milliseconds, meant to be seconds; and so a lock timeout that is never reached
alter role {app} set statement_timeout = 30;
alter role {app} set lock_timeout = '5s';
alter role {app} set idle_session_timeout = '10min';
