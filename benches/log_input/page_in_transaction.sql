-- The same within a transaction, as another ORM writes it.
\set book random(0, 11990)
\set b0 :book + 0
\set b1 :book + 1
\set b2 :book + 2
\set b3 :book + 3
\set b4 :book + 4
\set b5 :book + 5
BEGIN;
SELECT books.id AS books_id, books.author_id AS books_author_id, books.title AS books_title, books.price AS books_price
FROM books
WHERE books.id BETWEEN :book AND :b5 ORDER BY books.published DESC
 LIMIT 6;
SELECT reviews.id AS reviews_id, reviews.book_id AS reviews_book_id, reviews.stars AS reviews_stars
FROM reviews
WHERE :b0 = reviews.book_id;
SELECT reviews.id AS reviews_id, reviews.book_id AS reviews_book_id, reviews.stars AS reviews_stars
FROM reviews
WHERE :b1 = reviews.book_id;
SELECT reviews.id AS reviews_id, reviews.book_id AS reviews_book_id, reviews.stars AS reviews_stars
FROM reviews
WHERE :b2 = reviews.book_id;
SELECT reviews.id AS reviews_id, reviews.book_id AS reviews_book_id, reviews.stars AS reviews_stars
FROM reviews
WHERE :b3 = reviews.book_id;
SELECT reviews.id AS reviews_id, reviews.book_id AS reviews_book_id, reviews.stars AS reviews_stars
FROM reviews
WHERE :b4 = reviews.book_id;
SELECT reviews.id AS reviews_id, reviews.book_id AS reviews_book_id, reviews.stars AS reviews_stars
FROM reviews
WHERE :b5 = reviews.book_id;
COMMIT;
