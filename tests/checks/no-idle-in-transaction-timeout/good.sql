-- expect: nothing
-- only: no-idle-in-transaction-timeout
-- role: app login
alter role {app} set idle_in_transaction_session_timeout = '1min';
