-- a row is a parameter set for a role, a database, or a role in a database
-- from 14; any role; cheap
-- https://www.postgresql.org/docs/current/catalog-pg-db-role-setting.html
select
  d.datname::text as database,
  r.rolname::text as role,
  pg_catalog.split_part(c.entry, '=', 1) as name,
  pg_catalog.substr(c.entry, pg_catalog.strpos(c.entry, '=') + 1) as value
from pg_catalog.pg_db_role_setting as s
left join pg_catalog.pg_database as d on d.oid = s.setdatabase
left join pg_catalog.pg_roles as r on r.oid = s.setrole
cross join lateral pg_catalog.unnest(s.setconfig) as c(entry)
where (s.setdatabase = 0 or d.oid is not null)
  and (s.setrole = 0 or r.oid is not null)
order by
  d.datname nulls first,
  r.rolname nulls first,
  c.entry
