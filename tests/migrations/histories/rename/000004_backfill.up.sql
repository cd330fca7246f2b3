update customers set display_name = fullname where id between 1 and 1000 and display_name is null;
