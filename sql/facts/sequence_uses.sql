-- a row is a column that takes its values from a sequence: by ownership, identity or a default that names it
-- from 14; any role; two passes over pg_depend
-- https://www.postgresql.org/docs/current/catalog-pg-depend.html
select
  d.objid as sequence_oid,
  d.refobjid as table_oid,
  d.refobjsubid::int2 as column_number
from pg_catalog.pg_depend as d
join pg_catalog.pg_sequence as s on s.seqrelid = d.objid
where d.classid = 'pg_catalog.pg_class'::regclass
  and d.refclassid = 'pg_catalog.pg_class'::regclass
  and d.refobjsubid > 0
  and d.deptype in ('a', 'i')
union
select
  d.refobjid as sequence_oid,
  f.adrelid as table_oid,
  f.adnum as column_number
from pg_catalog.pg_depend as d
join pg_catalog.pg_sequence as s on s.seqrelid = d.refobjid
join pg_catalog.pg_attrdef as f on f.oid = d.objid
where d.classid = 'pg_catalog.pg_attrdef'::regclass
  and d.refclassid = 'pg_catalog.pg_class'::regclass
order by
  1,
  2,
  3
