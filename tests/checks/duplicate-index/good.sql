-- expect: nothing
create table orders (id int primary key, customer int, note text);
create index orders_note on orders (note);
create index orders_note_pattern on orders (note text_pattern_ops);
create index orders_note_c on orders (note collate "C");
create index orders_note_down on orders (note desc);
create index orders_note_hash on orders using hash (note);
create index orders_note_some on orders (note) where customer > 1;
create index orders_note_other on orders (note) where customer > 2;
create index orders_lower on orders (lower(note));
create index orders_upper on orders (upper(note));
create index orders_pair on orders (customer, id);
create index orders_riap on orders (id, customer);
create table events (id int, kind int, primary key (id)) partition by hash (id);
create table events_0 partition of events for values with (modulus 2, remainder 0);
create table events_1 partition of events for values with (modulus 2, remainder 1);
create index events_kind on events (kind);
create index orders_coarse on orders using brin (customer);
create index orders_fine on orders using brin (customer) with (pages_per_range = 8);
