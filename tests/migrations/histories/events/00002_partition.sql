-- +goose Up
create table events_2024_03 partition of events for values from ('2024-03-01') to ('2024-04-01');

create table events_2024_04 (like events including defaults including constraints);
alter table events_2024_04 add constraint events_2024_04_bound
    check (happened_at >= '2024-04-01 00:00:00+00' and happened_at < '2024-05-01 00:00:00+00');
alter table events attach partition events_2024_04 for values from ('2024-04-01 00:00:00+00') to ('2024-05-01 00:00:00+00');

-- +goose Down
drop table events_2024_04;
drop table events_2024_03;
