-- a row is a database, with the age of its oldest transaction ids
-- from 14; any role; cheap
-- https://www.postgresql.org/docs/current/catalog-pg-database.html
select
  d.oid as oid,
  d.datname::text as name,
  pg_catalog.pg_get_userbyid(d.datdba)::text as owner,
  d.datistemplate as is_template,
  d.datallowconn as allows_connections,
  d.datconnlimit as connection_limit,
  pg_catalog.pg_encoding_to_char(d.encoding)::text as encoding,
  d.datcollate::text as collation,
  pg_catalog.age(d.datfrozenxid) as frozen_xid_age,
  pg_catalog.mxid_age(d.datminmxid) as min_mxid_age,
  pg_catalog.has_database_privilege(d.oid, 'connect') as connectable
from pg_catalog.pg_database as d
order by d.datname
