-- A page without a transaction: a list, and for each of its rows another statement.
\set country random(0, 199)
\set first :country * 12
\set a0 :first + 0
\set a1 :first + 1
\set a2 :first + 2
\set a3 :first + 3
\set a4 :first + 4
\set a5 :first + 5
\set a6 :first + 6
\set a7 :first + 7
\set a8 :first + 8
\set a9 :first + 9
\set a10 :first + 10
\set a11 :first + 11
SELECT "authors"."id", "authors"."name", "authors"."country", "authors"."born" FROM "authors" WHERE "authors"."country" = :country ORDER BY "authors"."name" ASC;
SELECT "books"."id", "books"."author_id", "books"."title", "books"."price", "books"."published", "books"."state" FROM "books" WHERE "books"."author_id" = :a0;
SELECT "books"."id", "books"."author_id", "books"."title", "books"."price", "books"."published", "books"."state" FROM "books" WHERE "books"."author_id" = :a1;
SELECT "books"."id", "books"."author_id", "books"."title", "books"."price", "books"."published", "books"."state" FROM "books" WHERE "books"."author_id" = :a2;
SELECT "books"."id", "books"."author_id", "books"."title", "books"."price", "books"."published", "books"."state" FROM "books" WHERE "books"."author_id" = :a3;
SELECT "books"."id", "books"."author_id", "books"."title", "books"."price", "books"."published", "books"."state" FROM "books" WHERE "books"."author_id" = :a4;
SELECT "books"."id", "books"."author_id", "books"."title", "books"."price", "books"."published", "books"."state" FROM "books" WHERE "books"."author_id" = :a5;
SELECT "books"."id", "books"."author_id", "books"."title", "books"."price", "books"."published", "books"."state" FROM "books" WHERE "books"."author_id" = :a6;
SELECT "books"."id", "books"."author_id", "books"."title", "books"."price", "books"."published", "books"."state" FROM "books" WHERE "books"."author_id" = :a7;
SELECT "books"."id", "books"."author_id", "books"."title", "books"."price", "books"."published", "books"."state" FROM "books" WHERE "books"."author_id" = :a8;
SELECT "books"."id", "books"."author_id", "books"."title", "books"."price", "books"."published", "books"."state" FROM "books" WHERE "books"."author_id" = :a9;
SELECT "books"."id", "books"."author_id", "books"."title", "books"."price", "books"."published", "books"."state" FROM "books" WHERE "books"."author_id" = :a10;
SELECT "books"."id", "books"."author_id", "books"."title", "books"."price", "books"."published", "books"."state" FROM "books" WHERE "books"."author_id" = :a11;
