-- What a product page asks.
\set sku random(1, :skus)
SELECT available FROM stock WHERE sku = :sku;
