-- expect: serial-column:4 serial-column:5 serial-column:7
-- file: 001_serial.sql
create table orders (
  id bigserial primary key,
  number serial
);
alter table orders add column small smallserial;
