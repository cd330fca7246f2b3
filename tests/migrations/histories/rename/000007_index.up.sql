create index concurrently customers_display_name_idx on customers (display_name);
