-- a row is an operator family that can search for the equality of a foreign key, by its operator or the commutator of it
-- from 14; any role; one pass over the foreign keys' operators, and one over the default operator classes
-- https://www.postgresql.org/docs/current/catalog-pg-amop.html
select distinct
  o.operator as operator,
  a.amopfamily as operator_family,
  m.amname::text as method,
  coalesce(t.types, '{}'::oid[]) as default_types
from (
  select distinct k.operator
  from pg_catalog.pg_constraint as c
  cross join lateral pg_catalog.unnest(c.conpfeqop) as k(operator)
  where c.contype = 'f'
) as o
join pg_catalog.pg_operator as p on p.oid = o.operator
join pg_catalog.pg_amop as a
  on a.amopopr in (p.oid, p.oprcom)
  and a.amoppurpose = 's'
join pg_catalog.pg_am as m on m.oid = a.amopmethod
left join (
  select
    d.operator_family,
    pg_catalog.array_agg(d.type order by d.type) as types
  from (
    select distinct on (s.method, s.type)
      s.type,
      s.operator_family
    from (
      select
        c.opcmethod as method,
        c.opcintype as type,
        c.opcfamily as operator_family,
        0 as distance
      from pg_catalog.pg_opclass as c
      where c.opcdefault
      union all
      select
        c.opcmethod as method,
        b.castsource as type,
        c.opcfamily as operator_family,
        case
          when y.typispreferred then 1
          else 2
        end as distance
      from pg_catalog.pg_opclass as c
      join pg_catalog.pg_cast as b on b.casttarget = c.opcintype
      join pg_catalog.pg_type as y on y.oid = c.opcintype
      where c.opcdefault
        and b.castmethod = 'b'
        and b.castcontext = 'i'
    ) as s
    order by
      s.method,
      s.type,
      s.distance,
      s.operator_family
  ) as d
  group by d.operator_family
) as t on t.operator_family = a.amopfamily
order by
  o.operator,
  a.amopfamily
