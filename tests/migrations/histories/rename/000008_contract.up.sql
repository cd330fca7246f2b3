-- contract: nothing reads or writes the old column any more
begin;
set local lock_timeout = '2s';
drop trigger customers_names on customers;
drop function customers_names();
alter table customers drop column fullname;
commit;
