-- Webhook endpoints that do not answer are switched off, and what waits for removed ones is removed in pieces. Older binaries can go
-- on: they post to an endpoint although it is off.

-- Since when nothing has reached it, in real time.
ALTER TABLE webhook_endpoints ADD COLUMN failing_since INTEGER;
-- When it was switched off, in real time, and why.
ALTER TABLE webhook_endpoints ADD COLUMN disabled_at INTEGER;
ALTER TABLE webhook_endpoints ADD COLUMN disabled_for TEXT;
CREATE INDEX webhook_endpoints_disabled ON webhook_endpoints (id) WHERE disabled_at IS NOT NULL;

-- Endpoints that were removed, until nothing waits for them.
CREATE TABLE removed_webhook_endpoints (
    id BLOB NOT NULL PRIMARY KEY,
    workspace_id BLOB NOT NULL
) STRICT;
