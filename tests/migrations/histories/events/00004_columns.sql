-- +goose Up
alter table events add column source text;
alter table events add column trace uuid default gen_random_uuid();
alter table events alter column source set not null;
alter domain positive add constraint positive_small check (value < 1000000);

-- +goose Down
alter domain positive drop constraint positive_small;
alter table events drop column trace;
alter table events drop column source;
