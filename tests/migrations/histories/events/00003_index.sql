-- +goose NO TRANSACTION
-- +goose Up
create index events_account_idx on only events (account);
create index concurrently events_2024_01_account_idx on events_2024_01 (account);
alter index events_account_idx attach partition events_2024_01_account_idx;
create index concurrently events_2024_02_account_idx on events_2024_02 (account);
alter index events_account_idx attach partition events_2024_02_account_idx;
create index concurrently events_2024_03_account_idx on events_2024_03 (account);
alter index events_account_idx attach partition events_2024_03_account_idx;
create index concurrently events_2024_04_account_idx on events_2024_04 (account);
alter index events_account_idx attach partition events_2024_04_account_idx;

-- +goose Down
drop index events_account_idx;
