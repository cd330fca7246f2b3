-- expect: statement-fails:8 statement-fails:9 statement-fails:10 statement-fails:11 statement-fails:12 statement-fails:13 statement-fails:14 statement-fails:17
-- file: 001_old.sql released
create table orders (id bigint primary key, total int);
create view totals as select id, total from orders;
create table lines (id bigint primary key, order_id bigint references orders);
create index orders_total on orders (total);
-- file: 002_fails.sql
alter table orders add column total int;
create table orders (id bigint);
alter table orders drop column nothing;
alter table orders rename column nothing to something;
alter table orders alter column total type bigint;
create index orders_total on orders (id);
drop table orders;
-- file: 003_gone.sql
drop table lines;
alter table lines add column note text;
