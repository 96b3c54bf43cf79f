-- Atomic update: one statement takes the unit if there is one, and notes the hold.
\set sku random(1, :skus)
WITH taken AS (
    UPDATE stock SET available = available - 1 WHERE sku = :sku AND available >= 1 RETURNING sku),
placed AS (
    INSERT INTO hold (sku, cart, qty, expires_at)
    SELECT sku, 'cart-' || :client_id, 1, now() + interval '10 minutes' FROM taken RETURNING id)
SELECT coalesce(max(id), 0) AS id FROM placed \gset
