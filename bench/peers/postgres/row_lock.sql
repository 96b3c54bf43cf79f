-- Row lock: SELECT ... FOR UPDATE, look, write; five round trips.
\set sku random(1, :skus)
BEGIN;
SELECT available FROM stock WHERE sku = :sku FOR UPDATE \gset
\if :available > 0
UPDATE stock SET available = available - 1 WHERE sku = :sku;
INSERT INTO hold (sku, cart, qty, expires_at) VALUES (:sku, 'cart-' || :client_id, 1, now() + interval '10 minutes') RETURNING id \gset
\endif
COMMIT;
