-- What the shop's requests send; `src/demo.rs` says how often. A line each, `$1` is a key.
-- parent: the page of a customer's orders, no index on customer_id; a comment names the route, as tagging libraries do
select id, state, created_at from orders where customer_id = $1 order by id limit 20 /*route='/customers/:id/orders'*/
-- child: one query for each order on the page
select id, product_id, quantity from order_items where order_id = $1 /*route='/customers/:id/orders'*/
-- report: slow every time
select daily_report()
-- search: reads the whole table for a few rows
select id, customer_id from orders where note = 'y' || $1
