-- What the scripts beside this file read, besides pgbench's own tables.
create table authors (id int primary key, name text not null, country int not null, born date not null);
create table books (id int primary key, author_id int not null, title text not null, price numeric(8, 2) not null,
                    published timestamptz not null, state text not null);
create table reviews (id int primary key, book_id int not null, stars int not null, body text not null);
insert into authors select n, 'Author ' || n, n / 12, date '1950-01-01' + n % 9000 from generate_series(0, 2399) n;
insert into books select n, n / 5, 'It''s book ' || n, 10 + n % 40, timestamptz '2020-01-01' + n * interval '1 hour',
                         (array['new', 'listed', 'sold'])[n % 3 + 1]
    from generate_series(0, 11999) n;
insert into reviews select n, n / 2, n % 5 + 1, md5(n::text) from generate_series(0, 23999) n;
create index on authors (country);
create index on books (author_id);
create index on reviews (book_id);
vacuum analyze;
