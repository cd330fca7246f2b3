-- expect: nothing
-- file: 001_names.sql
create table orders (id bigint primary key, note text);
create index a_name_of_sixty_three_bytes_which_is_as_long_as_it_may_be_herea on orders (id);
comment on table orders is 'a_comment_may_be_as_long_as_anybody_likes_it_to_be_and_even_longer_than_that';
select 1 as an_alias_in_a_query_is_cut_off_too_but_nothing_in_the_schema_is_called_so;
