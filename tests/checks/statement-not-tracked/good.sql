-- expect: nothing
-- only: statement-not-tracked
-- database: set pg_stat_statements.track = 'all'
create extension if not exists pg_stat_statements;
