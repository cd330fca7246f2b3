begin;
alter table customers add constraint customers_display_name_present check (display_name is not null);
alter table customers alter column display_name drop not null;
commit;
