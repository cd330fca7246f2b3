begin;
set local lock_timeout = '2s';
alter table customers alter column display_name set not null;
alter table customers drop constraint customers_display_name_present;
commit;
