-- Count, then insert: what is held is counted and compared with the stock, SERIALIZABLE so that it is right.
\set sku random(1, :skus)
WITH placed AS (
    INSERT INTO hold (sku, cart, qty, expires_at)
    SELECT :sku, 'cart-' || :client_id, 1, now() + interval '10 minutes'
    WHERE (SELECT coalesce(sum(qty), 0) FROM hold WHERE sku = :sku) < (SELECT available FROM stock WHERE sku = :sku)
    RETURNING id)
SELECT coalesce(max(id), 0) AS id FROM placed \gset
