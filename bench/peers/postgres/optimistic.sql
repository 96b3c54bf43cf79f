-- Optimistic: read the version, write only if it is still the same. Who lost (id = 0) would try again: only
-- the attempts that won count as holds.
\set sku random(1, :skus)
SELECT available, version FROM stock WHERE sku = :sku \gset
WITH taken AS (
    UPDATE stock SET available = available - 1, version = version + 1
    WHERE sku = :sku AND version = :version AND available >= 1 RETURNING sku),
placed AS (
    INSERT INTO hold (sku, cart, qty, expires_at)
    SELECT sku, 'cart-' || :client_id, 1, now() + interval '10 minutes' FROM taken RETURNING id)
SELECT coalesce(max(id), 0) AS id FROM placed \gset
