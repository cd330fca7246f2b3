-- expect: redundant-index low public/orders/orders_customer
-- expect: redundant-index low public/orders/orders_lower
-- expect: redundant-index low public/orders/orders_open
-- expect: redundant-index low public/orders/orders_id_plain
-- expect: redundant-index low public/orders/orders_included
-- expect: redundant-index low public/events/events_kind
-- expect: redundant-index low public/rooms/rooms_number
-- hint: apply
create table orders (id int primary key, customer int, created date, note text, total int);
create index orders_customer on orders (customer);
create index orders_customer_created on orders (customer, created);
create index orders_lower on orders (lower(note));
create index orders_lower_total on orders (lower(note), upper(note));
create index orders_open on orders (created) where total > 0;
create index orders_open_total on orders (created, total) where total > 0;
create index orders_id_plain on orders (id);
create index orders_included on orders (total) include (note);
create index orders_included_more on orders (total, created) include (note);
create table events (id int, kind int, at date, primary key (id)) partition by hash (id);
create table events_0 partition of events for values with (modulus 2, remainder 0);
create table events_1 partition of events for values with (modulus 2, remainder 1);
create index events_kind on events (kind);
create index events_kind_at on events (kind, at);
create table rooms (id int primary key, number int, exclude using btree (number with =));
create index rooms_number on rooms (number);
