-- a row is a sequence; its last value is measured, reading that one locks it
-- from 14; any role; cheap
-- https://www.postgresql.org/docs/current/catalog-pg-sequence.html
select
  s.seqrelid as oid,
  n.nspname::text as schema,
  c.relname::text as name,
  t.typname::text as type,
  s.seqstart as start,
  s.seqmin as minimum,
  s.seqmax as maximum,
  s.seqincrement as increment,
  s.seqcycle as cycles,
  pg_catalog.has_sequence_privilege(s.seqrelid, 'select')
    and (c.relpersistence = 'p' or not pg_catalog.pg_is_in_recovery()) as readable,
  null::int8 as last_value,
  x.objid is not null as owned_by_extension
from pg_catalog.pg_sequence as s
join pg_catalog.pg_class as c on c.oid = s.seqrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
join pg_catalog.pg_type as t on t.oid = s.seqtypid
left join pg_catalog.pg_depend as x
  on x.classid = 'pg_catalog.pg_class'::regclass
  and x.objid = c.oid
  and x.objsubid = 0
  and x.refclassid = 'pg_catalog.pg_extension'::regclass
  and x.deptype = 'e'
where c.relpersistence <> 't'
  and n.nspname not in ('pg_catalog', 'information_schema')
order by
  n.nspname,
  c.relname
