-- What was accepted or planned first is listed and released first, whatever its id: ids that are made from an Idempotency-Key are random.
-- Older binaries can go on: the indexes keep their names, and what is read through them is sorted by whoever wants another order.

CREATE INDEX messages_of_workspace ON messages (workspace_id, seq);
DROP INDEX messages_of_campaign;
CREATE INDEX messages_of_campaign ON messages (campaign_id, seq) WHERE campaign_id IS NOT NULL;
DROP INDEX messages_due;
CREATE INDEX messages_due ON messages (campaign_id, not_before, seq)
    WHERE state = 'waiting' AND release_deadline IS NULL AND sender_id IS NULL AND campaign_id IS NOT NULL;
DROP INDEX messages_due_in_pool;
CREATE INDEX messages_due_in_pool ON messages (pool_id, lane, not_before, seq)
    WHERE state = 'waiting' AND release_deadline IS NULL AND sender_id IS NULL AND campaign_id IS NULL;
DROP INDEX messages_due_bound;
CREATE INDEX messages_due_bound ON messages (sender_id, campaign_id, lane, not_before, seq)
    WHERE state = 'waiting' AND release_deadline IS NULL AND sender_id IS NOT NULL;
CREATE INDEX suppressions_by_age ON suppressions (workspace_id, since, id);
