-- +goose Up
refresh materialized view concurrently events_by_day;
refresh materialized view events_by_day;

-- +goose Down
select 1;
