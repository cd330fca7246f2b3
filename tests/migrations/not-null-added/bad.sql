-- expect: not-null-added:6 not-null-added:8 not-null-added:10 not-null-added:11 not-null-added:12 not-null-added:13
-- file: 001_old.sql released
create table orders (id bigint primary key, total int, note text, state text);
-- file: 002_new_column.sql
alter table orders add column buyer bigint;
alter table orders alter column buyer set not null;
alter table orders add column seller bigint;
alter table orders add constraint seller_given check (seller is not null) not valid;
-- file: 003_old_columns.sql
alter table orders alter column total set not null;
alter table orders add constraint note_given check (note is not null) not valid;
alter table orders add constraint state_given not null state not valid;
alter table unknown alter column a set not null;
