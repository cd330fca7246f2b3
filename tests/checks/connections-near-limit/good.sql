-- expect: nothing
-- only: connections-near-limit
-- role: app login
-- session as {app}: select 1
-- session as {app}: select 1
-- session as {app}: select 1
alter role {app} connection limit 10;
