create table customers (
    id bigint generated always as identity primary key,
    email text not null unique
);

create table orders (
    id bigint generated always as identity primary key,
    customer bigint not null references customers (id),
    total integer not null
);

create index orders_customer on orders (customer);
