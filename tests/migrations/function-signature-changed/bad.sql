-- expect: function-signature-changed:9 function-signature-changed:10 function-signature-changed:11 function-signature-changed:13 function-signature-changed:17 function-signature-changed:19
-- file: 001_old.sql released
create function price(a int) returns int language sql as 'select 1';
create function tax(a int, b int default 1) returns int language sql as 'select 1';
create function total(a int) returns int language sql as 'select 1';
create function label(a int) returns text language sql as 'select ''x''';
create procedure clean() language sql as 'select 1';
-- file: 002_change.sql
drop function price(int);
drop procedure clean();
drop function if exists shop.unknown;
begin;
drop function total(int);
create function total(a bigint) returns int language sql as 'select 1';
commit;
-- measured: a call with one argument is no longer unique
create function tax(a int, c text default 'x') returns int language sql as 'select 1';
begin;
drop function label(int);
create function label(a int) returns varchar language sql as 'select ''x''';
commit;
