-- expect: unused-index low public/orders/orders_created_idx
-- expect: unused-index low public/events/events_kind_idx
-- param: unused-index.minimum_age_seconds = 0
-- param: unused-index.busy_writes_per_day = 1000000000000000
-- wait: select count(*) = 3 from pg_stat_user_tables where n_tup_ins > 0
-- hint: apply
create table orders (id int primary key, created int);
create index orders_created_idx on orders (created);
insert into orders select n, n from generate_series(1, 60000) as n;
create table events (id int, kind int, primary key (id)) partition by hash (id);
create table events_0 partition of events for values with (modulus 2, remainder 0);
create table events_1 partition of events for values with (modulus 2, remainder 1);
create index events_kind_idx on events (kind);
insert into events select n, n from generate_series(1, 60000) as n;
analyze;
