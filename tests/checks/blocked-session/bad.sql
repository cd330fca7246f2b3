-- expect: blocked-session medium {app}@local%20web
-- only: blocked-session
-- param: blocked-session.min_seconds = 0
-- role: app login
-- session as {app}: set application_name = 'web'; begin; update accounts set balance = 1 where id = 1
-- session as {app}: set application_name = 'web'; begin; update accounts set balance = 2 where id = 1
-- wait: select exists (select from pg_stat_activity where usename = '{app}' and wait_event_type = 'Lock')
-- hint: apply
-- whichever comes first holds the row
create table accounts (id int primary key, balance int not null);
insert into accounts values (1, 0);
grant select, update on accounts to {app};
