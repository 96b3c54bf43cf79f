\if :id > 0
UPDATE hold SET status = 'confirmed' WHERE id = :id AND status = 'pending';
UPDATE hold SET status = 'fulfilled' WHERE id = :id AND status = 'confirmed';
\endif
