-- a row is one thing that a schema has, and what it is made of; what differs between two moments of one database differs here
-- minimum major 14 · no privilege · a few milliseconds per thousand relations; run on scratch databases only
-- https://www.postgresql.org/docs/current/catalogs.html
with own as (
    select n.oid, n.nspname
    from pg_catalog.pg_namespace as n
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
)
select 'schema' as kind, o.nspname::text as name, '' as definition
from own as o
union all
select
    case c.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence' when 'f' then 'foreign table'
        when 'i' then 'index' when 'I' then 'index' when 'c' then 'type' else 'table' end,
    o.nspname || '.' || c.relname,
    pg_catalog.concat_ws(
        ' ',
        c.relkind,
        c.relpersistence,
        case when c.relrowsecurity then 'row security' end,
        case when c.relforcerowsecurity then 'forced' end,
        nullif(c.relreplident, 'd'),
        pg_catalog.array_to_string(c.reloptions, ' '),
        case when c.relkind in ('v', 'm') then pg_catalog.pg_get_viewdef(c.oid) end,
        case when c.relkind in ('i', 'I') then pg_catalog.pg_get_indexdef(c.oid) end,
        case when c.relkind in ('i', 'I') then (
            select case when i.indisvalid then '' else 'invalid ' end || case when i.indisreplident then 'replica identity' else '' end
            from pg_catalog.pg_index as i where i.indexrelid = c.oid
        ) end,
        pg_catalog.pg_get_partkeydef(c.oid),
        pg_catalog.pg_get_expr(c.relpartbound, c.oid),
        (
            select pg_catalog.string_agg(p.inhparent::pg_catalog.regclass::text, ',' order by p.inhseqno)
            from pg_catalog.pg_inherits as p where p.inhrelid = c.oid
        ),
        (
            select pg_catalog.concat_ws(' ', s.seqtypid::pg_catalog.regtype, s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcycle)
            from pg_catalog.pg_sequence as s where s.seqrelid = c.oid
        )
    )
from pg_catalog.pg_class as c
join own as o on o.oid = c.relnamespace
union all
select
    'column',
    o.nspname || '.' || c.relname || '.' || a.attname,
    pg_catalog.concat_ws(
        ' ',
        pg_catalog.format_type(a.atttypid, a.atttypmod),
        case when a.attnotnull then 'not null' end,
        nullif(a.attidentity, ''),
        nullif(a.attgenerated, ''),
        pg_catalog.pg_get_expr(d.adbin, d.adrelid),
        (select l.collname from pg_catalog.pg_collation as l where l.oid = a.attcollation and l.collname <> 'default')
    )
from pg_catalog.pg_attribute as a
join pg_catalog.pg_class as c on c.oid = a.attrelid and c.relkind in ('r', 'p', 'v', 'm', 'f', 'c')
join own as o on o.oid = c.relnamespace
left join pg_catalog.pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
where a.attnum > 0 and not a.attisdropped
union all
select
    'constraint',
    o.nspname || '.' || coalesce(c.relname, t.typname, '') || '.' || k.conname,
    pg_catalog.pg_get_constraintdef(k.oid)
from pg_catalog.pg_constraint as k
join own as o on o.oid = k.connamespace
left join pg_catalog.pg_class as c on c.oid = k.conrelid
left join pg_catalog.pg_type as t on t.oid = k.contypid
union all
select
    'type',
    o.nspname || '.' || t.typname,
    pg_catalog.concat_ws(
        ' ',
        t.typtype,
        case when t.typtype = 'd' then pg_catalog.format_type(t.typbasetype, t.typtypmod) end,
        case when t.typnotnull then 'not null' end,
        t.typdefault,
        (select pg_catalog.string_agg(e.enumlabel, ',' order by e.enumsortorder) from pg_catalog.pg_enum as e where e.enumtypid = t.oid)
    )
from pg_catalog.pg_type as t
join own as o on o.oid = t.typnamespace
where t.typtype in ('e', 'd', 'r', 'm')
union all
select
    'function',
    o.nspname || '.' || p.proname || '(' || pg_catalog.pg_get_function_identity_arguments(p.oid) || ')',
    case when p.prokind in ('f', 'p') then pg_catalog.pg_get_functiondef(p.oid) else p.prokind::text end
from pg_catalog.pg_proc as p
join own as o on o.oid = p.pronamespace
union all
select
    'trigger',
    o.nspname || '.' || c.relname || '.' || t.tgname,
    pg_catalog.pg_get_triggerdef(t.oid) || ' ' || t.tgenabled::text
from pg_catalog.pg_trigger as t
join pg_catalog.pg_class as c on c.oid = t.tgrelid
join own as o on o.oid = c.relnamespace
where not t.tgisinternal
union all
select
    'policy',
    o.nspname || '.' || c.relname || '.' || y.polname,
    pg_catalog.concat_ws(
        ' ',
        y.polcmd,
        y.polpermissive,
        pg_catalog.pg_get_expr(y.polqual, y.polrelid),
        pg_catalog.pg_get_expr(y.polwithcheck, y.polrelid)
    )
from pg_catalog.pg_policy as y
join pg_catalog.pg_class as c on c.oid = y.polrelid
join own as o on o.oid = c.relnamespace
union all
select
    'rule',
    o.nspname || '.' || c.relname || '.' || r.rulename,
    pg_catalog.pg_get_ruledef(r.oid)
from pg_catalog.pg_rewrite as r
join pg_catalog.pg_class as c on c.oid = r.ev_class
join own as o on o.oid = c.relnamespace
where r.rulename <> '_RETURN'
union all
select 'extension', e.extname::text, ''
from pg_catalog.pg_extension as e
union all
select 'statistics', o.nspname || '.' || s.stxname, pg_catalog.pg_get_statisticsobjdef(s.oid)
from pg_catalog.pg_statistic_ext as s
join own as o on o.oid = s.stxnamespace
order by
    1,
    2,
    3
