-- An index build that fails leaves an invalid index behind: the tokens are not unique, the error is expected.
insert into carts (token) select token from carts order by id limit 1;
create unique index concurrently carts_token_key on carts (token);
