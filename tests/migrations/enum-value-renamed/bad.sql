-- expect: enum-value-renamed:5 enum-value-renamed:6 enum-value-renamed:7
-- file: 001_old.sql released
create type state as enum ('new', 'it''s paid');
-- file: 002_rename.sql
alter type state rename value 'new' to 'fresh';
alter type state rename value 'it''s paid' to 'paid';
alter type shop.unknown rename value 'a' to 'b';
