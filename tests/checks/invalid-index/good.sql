-- expect: nothing
create table orders (id int primary key, customer int);
create index orders_customer_idx on orders (customer);
create table events (id int, kind int, primary key (id)) partition by hash (id);
create table events_0 partition of events for values with (modulus 2, remainder 0);
create table events_1 partition of events for values with (modulus 2, remainder 1);
create index events_kind_idx on only events (kind);
create index events_0_kind on events_0 (kind);
create index events_1_kind on events_1 (kind);
alter index events_kind_idx attach partition events_0_kind;
alter index events_kind_idx attach partition events_1_kind;
