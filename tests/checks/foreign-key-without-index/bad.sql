-- expect: foreign-key-without-index low public/orders/orders_customer_fkey
-- expect: foreign-key-without-index high public/lines/lines_order_fkey
-- expect: foreign-key-without-index info public/prices/prices_pair_fkey
-- expect: foreign-key-without-index medium public/visits/visits_customer_fkey
-- expect: foreign-key-without-index low public/events/events_customer_fkey
-- only: foreign-key-without-index
-- hint: apply
create table customers (id int primary key);
insert into customers select n from generate_series(1, 2000) as n;
-- a small table; an index that holds only some of the rows does not serve
create table orders (id int primary key, customer int references customers, open boolean);
create index orders_open on orders (customer) where open;
insert into orders select n, n, true from generate_series(1, 500) as n;
-- a large one whose rows follow the order
create table lines (id int primary key, "order" int constraint lines_order_fkey references orders on delete cascade);
insert into lines select n, 1 + n % 500 from generate_series(1, 20000) as n;
-- a large one
create table visits (id int primary key, customer int references customers);
insert into visits select n, 1 + n % 2000 from generate_series(1, 20000) as n;
-- two columns, of which an index has the first
create table pairs (a int, b int, primary key (a, b));
create table prices (id int primary key, a int, b int, constraint prices_pair_fkey foreign key (a, b) references pairs);
create index prices_a on prices (a);
-- a partitioned table is one foreign key
create table events (id int primary key, customer int references customers) partition by hash (id);
create table events_0 partition of events for values with (modulus 2, remainder 0);
create table events_1 partition of events for values with (modulus 2, remainder 1);
analyze;
