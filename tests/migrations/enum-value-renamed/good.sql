-- expect: nothing
-- file: 001_old.sql released
create type state as enum ('new', 'paid');
-- file: 002_add.sql
alter type state add value 'sent';
alter type state rename to phase;
create type colour as enum ('red');
alter type colour rename value 'red' to 'green';
