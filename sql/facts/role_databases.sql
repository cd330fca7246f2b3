-- a row is a login role and a database it may enter, as the privileges say (pg_hba.conf may say less)
-- from 14; any role; roles × databases function calls
-- https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-ACCESS
select
  r.rolname::text as role,
  d.datname::text as database
from pg_catalog.pg_roles as r
cross join pg_catalog.pg_database as d
where r.rolcanlogin
  and d.datallowconn
  and d.datconnlimit <> -2
  and pg_catalog.has_database_privilege(r.oid, d.oid, 'connect')
order by
  r.rolname,
  d.datname
