-- expect: identifier-too-long:4 identifier-too-long:6 identifier-too-long:7
-- file: 001_names.sql
create table orders (id bigint primary key,
  a_column_whose_name_says_everything_about_it_and_somewhat_more_than_that int
);
create index "Index On Every Column That Anybody Could Ever Want To Search By, Maybe" on orders (id);
alter table orders add constraint größe_der_bestellung_muss_größer_als_null_und_kleiner_als_zehn_ check (id > 0);
