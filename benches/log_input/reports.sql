-- Long statements on many lines, with every kind of literal.
\set author random(0, 2399)
\set low random(0, 11000)
\set stars random(1, 5)
SELECT
    a.id AS author_id,
    a.name AS author_name,
    count(DISTINCT b.id) AS books,
    avg(r.stars)::numeric(4, 2) AS stars,
    max(b.published) AS latest
FROM authors AS a
    LEFT JOIN books AS b ON b.author_id = a.id AND b.state <> 'sold'
    LEFT JOIN reviews AS r ON r.book_id = b.id
WHERE a.id = :author
    AND a.name NOT LIKE E'%\\_hidden%'
    AND (a.born > DATE '1940-01-01' OR a.country IN (1, 2, 3, 5, 8, 13, 21, 34, 55, 89))
GROUP BY a.id, a.name
ORDER BY books DESC, a.name;
SELECT b.id, b.title, $tag$it's quoted$tag$ AS note /* shelf, front */
FROM books AS b
WHERE b.id > :low
    AND b.state IN ('new', 'listed')
    -- the rest is on the next page
ORDER BY b.id
LIMIT 20;
SELECT r.id, r.body FROM reviews AS r WHERE r.stars = :stars AND r.id IN (:low, :low + 1, :low + 2, :low + 3) /*route='%2Freviews',framework='bench'*/;
UPDATE books SET price = price + 0.01, published = now() WHERE id = :low AND state = 'listed';
