-- expect: nothing
-- only: timeout-suspicious
-- role: app login
alter role {app} set statement_timeout = '30s';
alter role {app} set lock_timeout = '5s';
alter role {app} set idle_in_transaction_session_timeout = '1min';
