-- +goose Up
create materialized view events_by_day as
    select date_trunc('day', happened_at) as day, kind, count(*) as count
    from events
    group by 1, 2;
create unique index events_by_day_key on events_by_day (day, kind);

-- +goose StatementBegin
create function events_touch() returns trigger language plpgsql as $$
begin
    new.happened_at := coalesce(new.happened_at, now());
    return new;
end
$$;
-- +goose StatementEnd

create trigger events_touch before insert on events for each row execute function events_touch();

-- +goose Down
drop trigger events_touch on events;
drop function events_touch();
drop materialized view events_by_day;
