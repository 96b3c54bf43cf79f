-- What a shop would write: one row of stock a product, one row a hold, an index for the job that ends what is due.
DROP TABLE IF EXISTS hold, stock;
CREATE TABLE stock (sku int PRIMARY KEY, available bigint NOT NULL CHECK (available >= 0), version bigint NOT NULL DEFAULT 0);
CREATE TABLE hold (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sku int NOT NULL,
    cart text NOT NULL,
    qty int NOT NULL,
    status text NOT NULL DEFAULT 'pending',
    expires_at timestamptz NOT NULL);
CREATE INDEX ON hold (expires_at);
INSERT INTO stock (sku, available) SELECT sku, 1000000000 FROM generate_series(1, :skus) sku;
VACUUM ANALYZE stock;
