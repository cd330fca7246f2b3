-- expect: table-without-primary-key low public/log
-- expect: table-without-primary-key low public/accounts
-- expect: table-without-primary-key low public/scratch
-- hint: apply
create table log (id int, note text);
create table accounts (name text not null);
create unique index accounts_name on accounts (name);
create unlogged table scratch (note text);
