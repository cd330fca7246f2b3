-- expect: nothing
-- file: 001_old.sql released
create table events (id bigint, at date not null, kind text) partition by range (at);
create table events_2026 partition of events for values from ('2026-01-01') to ('2027-01-01');
create index events_kind on events (kind);
create table orders (id bigint primary key, total int);
create index orders_total on orders (total);
-- file: 002_index.sql
create index events_at on only events (at);
create index concurrently events_2026_at on events_2026 (at);
alter index events_at attach partition events_2026_at;
reindex index concurrently events_kind;
create index concurrently orders_id_total on orders (id, total);
drop index concurrently orders_total;
create index concurrently unknown_total on unknown (total);
drop index events_kind;
