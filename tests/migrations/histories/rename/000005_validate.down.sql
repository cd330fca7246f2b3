alter table customers drop constraint customers_display_name_present;
alter table customers add constraint customers_display_name_present check (display_name is not null) not valid;
