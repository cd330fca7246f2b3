-- expect: concurrently-on-partitioned-table:9 concurrently-on-partitioned-table:10 concurrently-on-partitioned-table:11 concurrently-on-partitioned-table:12 concurrently-on-partitioned-table:13
-- file: 001_old.sql released
create table events (id bigint, at date not null, kind text) partition by range (at);
create table events_2025 partition of events for values from ('2025-01-01') to ('2026-01-01');
create table events_2026 partition of events for values from ('2026-01-01') to ('2027-01-01');
create index events_kind on events (kind);
create table bare (id bigint) partition by hash (id);
-- file: 002_index.sql
create index concurrently events_at on events (at desc);
create unique index concurrently if not exists events_id_at on events using btree (id, at) include (kind);
create index concurrently on events (lower(kind)) where kind is not null;
create index concurrently bare_id on bare (id);
drop index concurrently events_kind;
