begin;
drop trigger customers_names on customers;
drop function customers_names();
alter table customers drop column display_name;
commit;
