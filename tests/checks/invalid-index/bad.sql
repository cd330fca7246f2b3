-- expect: invalid-index medium public/orders/orders_customer_idx
-- expect: invalid-index medium public/orders/orders_note_idx_ccnew
-- expect: invalid-index medium public/events/events_kind_idx
-- hint: apply
create table orders (id int primary key, customer int, note text);
create index orders_customer_idx on orders (customer);
create index orders_note_idx on orders (note);
create index orders_note_idx_ccnew on orders (note);
-- what a failed build leaves behind
update pg_index set indisvalid = false
where indexrelid in ('orders_customer_idx'::regclass, 'orders_note_idx_ccnew'::regclass);
create table events (id int, kind int, primary key (id)) partition by hash (id);
create table events_0 partition of events for values with (modulus 2, remainder 0);
create table events_1 partition of events for values with (modulus 2, remainder 1);
create index events_kind_idx on only events (kind);
create index events_0_kind on events_0 (kind);
create index events_1_kind on events_1 (kind);
alter index events_kind_idx attach partition events_0_kind;
