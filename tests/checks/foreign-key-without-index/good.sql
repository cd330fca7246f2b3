-- expect: nothing
-- only: foreign-key-without-index
create table customers (id int primary key);
create table pairs (a int, b int, primary key (a, b));
-- any order of the key's columns serves, and what follows them does not matter
create table prices (id int primary key, a int, b int, foreign key (a, b) references pairs);
create index prices_b_a on prices (b, a, id);
-- rows without the key are never looked for
create table orders (id int primary key, customer int references customers);
create index orders_customer on orders (customer) where customer is not null;
-- a hash index finds one value
create table visits (id int primary key, customer int references customers);
create index visits_customer on visits using hash (customer);
-- the primary key itself
create table profiles (customer int primary key references customers);
-- every partition and the parent
create table events (id int primary key, customer int references customers) partition by hash (id);
create table events_0 partition of events for values with (modulus 2, remainder 0);
create index events_customer on events (customer);
analyze;
