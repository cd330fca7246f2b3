-- a row is an operator family that can search for the equality of a foreign key, by its operator or the commutator of it
-- from 14; any role; one pass over the foreign keys' operators
-- https://www.postgresql.org/docs/current/catalog-pg-amop.html
select distinct
  o.operator as operator,
  a.amopfamily as operator_family
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
order by
  o.operator,
  a.amopfamily
