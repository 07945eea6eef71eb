-- Webhook endpoints that do not answer are switched off, and what waits for removed ones is removed in pieces. Older binaries can go
-- on: they post to an endpoint although it is off.

ALTER TABLE webhook_endpoints
    -- Since when nothing has reached it, in real time.
    ADD COLUMN failing_since timestamptz,
    -- When it was switched off, in real time, and why.
    ADD COLUMN disabled_at timestamptz,
    ADD COLUMN disabled_for text;
CREATE INDEX webhook_endpoints_disabled ON webhook_endpoints (id) WHERE disabled_at IS NOT NULL;

-- Endpoints that were removed, until nothing waits for them.
CREATE TABLE removed_webhook_endpoints (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL
);
