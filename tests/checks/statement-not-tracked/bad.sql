-- expect: statement-not-tracked medium pg_stat_statements.track
-- only: statement-not-tracked
-- database: set pg_stat_statements.track = 'none'
-- hint: apply
create extension if not exists pg_stat_statements;
