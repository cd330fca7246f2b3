-- expect: column-dropped:7 column-dropped:10 column-dropped:11 column-dropped:12 column-dropped:16
-- file: 001_old.sql released
create table orders (id bigint primary key, total int not null, note text, state text);
create index orders_state on orders (state);
create view states as select id, state from orders;
-- file: 002_drop.sql
alter table orders drop column note;
alter table orders
  add column other text,
  drop column total,
  drop column if exists state cascade;
alter table unknown drop column a;
do $$
begin
  if true then
    alter table orders drop column id;
  end if;
end
$$;
