-- one row: how many statements pg_stat_statements has forgotten, and since when it counts
-- from 14 (extension 1.9); any role; constant cost
-- https://www.postgresql.org/docs/current/pgstatstatements.html
select
  i.dealloc as evicted,
  i.stats_reset as stats_reset
from extension_schema.pg_stat_statements_info as i
order by 1
