-- +goose NO TRANSACTION
-- +goose Up
alter table events detach partition events_2024_01 concurrently;
vacuum events_2024_01;
reindex index concurrently events_2024_02_account_idx;

-- +goose Down
alter table events attach partition events_2024_01 for values from ('2024-01-01') to ('2024-02-01');
-- what the detaching left, so that attaching need not read the rows
alter table events_2024_01 drop constraint events_2024_01_happened_at_check;
