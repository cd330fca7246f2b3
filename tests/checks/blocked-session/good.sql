-- expect: nothing
-- only: blocked-session
-- param: blocked-session.min_seconds = 0
-- role: app login
-- session as {app}: set application_name = 'holder'; begin; update accounts set balance = 1 where id = 1
-- session as {app}: set application_name = 'other'; begin; update accounts set balance = 2 where id = 2
-- wait: select 2 = (select count(*) from pg_stat_activity where usename = '{app}' and state = 'idle in transaction')
create table accounts (id int primary key, balance int not null);
insert into accounts values (1, 0), (2, 0);
grant select, update on accounts to {app};
