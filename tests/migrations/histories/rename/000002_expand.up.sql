-- expand: the new column, kept in step by a trigger
begin;
set local lock_timeout = '2s';
alter table customers add column display_name text;
create function customers_names() returns trigger language plpgsql as $$
begin
    if new.display_name is null then
        new.display_name := new.fullname;
    elsif new.fullname is null then
        new.fullname := new.display_name;
    end if;
    return new;
end
$$;
create trigger customers_names before insert or update on customers for each row execute function customers_names();
commit;
