-- expect: primary-key-with-scan:9 primary-key-with-scan:10 primary-key-with-scan:11
-- file: 001_shop.sql released
create table orders (id bigint, code text not null);
create table items (id bigint, code text not null);
create table lines (id bigint not null);
create unique index orders_i on orders (id);
-- file: 002_keys.sql
-- the index is there, but its column may be null
alter table orders add constraint orders_pkey primary key using index orders_i;
alter table items add primary key (code);
alter table lines add constraint lines_key primary key (id);
