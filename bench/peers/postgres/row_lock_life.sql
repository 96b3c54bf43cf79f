BEGIN;
SELECT status FROM hold WHERE id = :id FOR UPDATE \gset confirm_
UPDATE hold SET status = 'confirmed' WHERE id = :id;
COMMIT;
BEGIN;
SELECT status FROM hold WHERE id = :id FOR UPDATE \gset fulfil_
UPDATE hold SET status = 'fulfilled' WHERE id = :id;
COMMIT;
