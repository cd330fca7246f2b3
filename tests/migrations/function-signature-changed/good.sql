-- expect: nothing
-- file: 001_old.sql released
create function price(a int) returns int language sql as 'select 1';
create function touch() returns trigger language plpgsql as $$ begin return new; end $$;
-- file: 002_body.sql
create or replace function price(a int) returns int language sql as 'select 2';
create function price(a int, b text) returns int language sql as 'select 3';
create function price(a text, b text default 'x') returns int language sql as 'select 4';
create or replace function touch() returns trigger language plpgsql as $$ begin new.a := 1; return new; end $$;
alter function price(int) stable;
drop function touch();
create function fresh() returns int language sql as 'select 1';
drop function fresh();
-- file: 003_add.sql
create function extra() returns int language sql as 'select 1';
-- file: 003_add.down.sql down
drop function extra();
