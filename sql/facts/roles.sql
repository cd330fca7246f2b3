-- a row is a role, with the roles it is a direct member of
-- from 14; any role; cheap
-- https://www.postgresql.org/docs/current/view-pg-roles.html
select
  r.rolname::text as name,
  r.rolsuper as is_superuser,
  r.rolcanlogin as can_login,
  r.rolreplication as replication,
  r.rolbypassrls as bypass_rls,
  r.rolcreaterole as create_role,
  r.rolcreatedb as create_database,
  r.rolconnlimit as connection_limit,
  r.rolvaliduntil as valid_until,
  coalesce(m.roles, '{}'::text[]) as member_of
from pg_catalog.pg_roles as r
left join lateral (
  select pg_catalog.array_agg(g.rolname::text order by g.rolname) as roles
  from pg_catalog.pg_auth_members as a
  join pg_catalog.pg_roles as g on g.oid = a.roleid
  where a.member = r.oid
) as m on true
order by r.rolname
