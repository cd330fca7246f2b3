-- expect: duplicate-index medium public/orders/orders_customer_b
-- expect: duplicate-index medium public/orders/orders_id_again
-- expect: duplicate-index medium public/orders/orders_lower_b
-- expect: duplicate-index medium public/orders/orders_recent_b
-- expect: duplicate-index medium public/orders/Odd%20%22name%22
-- expect: duplicate-index medium public/orders/orders_code_key1
-- expect: duplicate-index medium public/events/events_kind_b
-- expect: duplicate-index medium public/orders/orders_note_later
-- hint: apply
create table orders (id int primary key, customer int, note text, code text);
create index orders_customer_a on orders (customer);
create index orders_customer_b on orders (customer) with (fillfactor = 70);
create unique index orders_id_again on orders (id);
create index orders_lower_a on orders (lower(note), customer);
create index orders_lower_b on orders (lower(note), customer);
create index orders_recent_a on orders (note) where customer > 100;
create index orders_recent_b on orders (note) where customer > 100;
create index "An odd name" on orders using hash (note);
create index "Odd ""name""" on orders using hash (note);
alter table orders add constraint orders_code_key unique (code);
alter table orders add constraint orders_code_key1 unique (code);
create table events (id int, kind int, primary key (id)) partition by hash (id);
create table events_0 partition of events for values with (modulus 2, remainder 0);
create table events_1 partition of events for values with (modulus 2, remainder 1);
create index events_kind_a on events (kind);
create index events_kind_b on events (kind);
-- what checks at once promises all that a deferrable one does
alter table orders add constraint orders_note_later unique (note) deferrable;
alter table orders add constraint orders_note_now unique (note);
