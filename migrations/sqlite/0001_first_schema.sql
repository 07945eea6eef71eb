-- The first schema. See ../README.md for what every table keeps to.

CREATE TABLE schema_compatibility (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    -- The newest migration that a binary must know to work with this schema.
    oldest_binary INTEGER NOT NULL
) STRICT;
INSERT INTO schema_compatibility VALUES (1, 1);

-- A row to write, so that a health check proves that the disk takes writes.
CREATE TABLE health_probe (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    probed_at INTEGER NOT NULL
) STRICT;
INSERT INTO health_probe VALUES (1, 0);

CREATE TABLE workspaces (
    id BLOB PRIMARY KEY,
    name TEXT NOT NULL,
    key BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE api_keys (
    id BLOB PRIMARY KEY,
    workspace_id BLOB NOT NULL,
    name TEXT NOT NULL,
    hash BLOB NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency_keys (
    workspace_id BLOB NOT NULL,
    key TEXT NOT NULL,
    claimed_until INTEGER NOT NULL,
    -- The answer, once there is one.
    request_hash BLOB,
    status INTEGER,
    content_type TEXT,
    body BLOB,
    recorded_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, key)
) STRICT;
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (recorded_at);
CREATE INDEX idempotency_keys_unanswered ON idempotency_keys (claimed_until) WHERE status IS NULL;

CREATE TABLE senders (
    id BLOB PRIMARY KEY,
    workspace_id BLOB NOT NULL,
    phone TEXT NOT NULL,
    channel TEXT NOT NULL,
    name TEXT NOT NULL,
    account TEXT,
    profile TEXT NOT NULL,
    zone TEXT NOT NULL,
    seed INTEGER NOT NULL,
    state TEXT NOT NULL,
    pace_next_slot INTEGER,
    pace_day TEXT,
    pace_spent INTEGER NOT NULL DEFAULT 0,
    session_state TEXT NOT NULL DEFAULT 'unpaired',
    session_at INTEGER,
    session_detail TEXT,
    pairing_code TEXT,
    suspended INTEGER NOT NULL DEFAULT 0,
    suspended_until INTEGER,
    lease_worker BLOB,
    -- Never goes back, whoever holds the lease.
    lease_epoch INTEGER NOT NULL DEFAULT 0,
    lease_expires_at INTEGER,
    created_at INTEGER NOT NULL,
    last_sent_at INTEGER
) STRICT;
-- A removed sender leaves its number to others.
CREATE UNIQUE INDEX senders_number ON senders (channel, phone) WHERE state <> 'removed';
CREATE INDEX senders_of_workspace ON senders (workspace_id, created_at, id);

CREATE TABLE sender_sessions (
    sender_id BLOB NOT NULL,
    device INTEGER NOT NULL,
    workspace_id BLOB NOT NULL,
    blob BLOB NOT NULL,
    key_id TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    PRIMARY KEY (sender_id, device)
) STRICT;

CREATE TABLE pools (
    id BLOB PRIMARY KEY,
    workspace_id BLOB NOT NULL,
    name TEXT NOT NULL,
    UNIQUE (workspace_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE pool_members (
    sender_id BLOB NOT NULL,
    pool_id BLOB NOT NULL,
    workspace_id BLOB NOT NULL,
    PRIMARY KEY (sender_id, pool_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX pool_members_of_pool ON pool_members (pool_id);

CREATE TABLE campaigns (
    id BLOB PRIMARY KEY,
    workspace_id BLOB NOT NULL,
    name TEXT NOT NULL,
    template TEXT NOT NULL,
    pool TEXT NOT NULL,
    default_region TEXT,
    phone_column TEXT,
    start_at INTEGER,
    expires_at INTEGER,
    state TEXT NOT NULL,
    columns TEXT NOT NULL DEFAULT '[]',
    -- Rows of committed uploads. Rows of an open upload have higher numbers, which is what makes them invisible.
    rows INTEGER NOT NULL DEFAULT 0,
    accepted INTEGER NOT NULL DEFAULT 0,
    planned_through INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    ended_at INTEGER
) STRICT;
CREATE INDEX campaigns_of_workspace ON campaigns (workspace_id, created_at, id);
CREATE INDEX campaigns_by_state ON campaigns (state, started_at);

-- How many of a campaign's rows and messages stand where: `planned`, each message state, `replied`, `opted_out`,
-- `excluded.<reason>`, `failed.<reason>`. Transactional messages count under the campaign of sixteen zero bytes; the sum over
-- the installation under the workspace of sixteen zero bytes.
CREATE TABLE campaign_counts (
    workspace_id BLOB NOT NULL,
    campaign_id BLOB NOT NULL,
    bucket TEXT NOT NULL,
    shard INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, campaign_id, bucket, shard)
) STRICT, WITHOUT ROWID;

CREATE TABLE uploads (
    id BLOB PRIMARY KEY,
    workspace_id BLOB NOT NULL,
    campaign_id BLOB NOT NULL,
    state TEXT NOT NULL,
    first_row INTEGER NOT NULL,
    rows INTEGER NOT NULL DEFAULT 0,
    accepted INTEGER NOT NULL DEFAULT 0,
    excluded TEXT NOT NULL DEFAULT '{}',
    expires_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX uploads_open ON uploads (campaign_id) WHERE state = 'open';
CREATE INDEX uploads_stale ON uploads (expires_at) WHERE state = 'open';

-- Accepted rows.
CREATE TABLE recipients (
    campaign_id BLOB NOT NULL,
    row_no INTEGER NOT NULL,
    workspace_id BLOB NOT NULL,
    hash BLOB NOT NULL,
    phone TEXT,
    business_scoped_id TEXT,
    linked_id TEXT,
    variables TEXT NOT NULL,
    PRIMARY KEY (campaign_id, row_no)
) STRICT, WITHOUT ROWID;
-- Where "every person once" is enforced.
CREATE UNIQUE INDEX recipients_once ON recipients (campaign_id, hash);

CREATE TABLE exclusions (
    campaign_id BLOB NOT NULL,
    row_no INTEGER NOT NULL,
    workspace_id BLOB NOT NULL,
    phone TEXT,
    exclusion TEXT NOT NULL,
    PRIMARY KEY (campaign_id, row_no)
) STRICT, WITHOUT ROWID;

CREATE TABLE messages (
    -- The order of writing. Rows are found by it inside a transaction; `id` is the name that leaves the database.
    seq INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    workspace_id BLOB NOT NULL,
    campaign_id BLOB,
    row_no INTEGER,
    lane TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    sender_id BLOB,
    -- Whether the sender is the message's for good: `free` is not, `sticky` because the sender wrote to this person before,
    -- `routed` because the caller named it.
    binding TEXT NOT NULL,
    -- The pool of a transactional message; a campaign's is the campaign's own.
    pool_id BLOB,
    -- Zero: at once. Not null, so that one index range finds what is due.
    not_before INTEGER NOT NULL DEFAULT 0,
    waits_for TEXT,
    expires_at INTEGER,
    release_generation INTEGER NOT NULL DEFAULT 0,
    -- Set while a release holds, and only while the message waits.
    release_deadline INTEGER,
    attempts INTEGER NOT NULL DEFAULT 0,
    -- When the last intent was recorded.
    attempted_at INTEGER,
    created_at INTEGER NOT NULL,
    sent_at INTEGER,
    delivered_at INTEGER,
    read_at INTEGER,
    replied_at INTEGER,
    -- When the person answered this message with an opt-out word.
    opted_out_at INTEGER,
    ended_at INTEGER,
    hash BLOB NOT NULL,
    phone TEXT,
    business_scoped_id TEXT,
    linked_id TEXT,
    wa_id TEXT NOT NULL,
    chars INTEGER NOT NULL
) STRICT;
-- Written while planning, always at the right edge.
CREATE UNIQUE INDEX messages_of_row ON messages (campaign_id, row_no) WHERE campaign_id IS NOT NULL;
CREATE UNIQUE INDEX messages_of_campaign ON messages (campaign_id, id) WHERE campaign_id IS NOT NULL;
-- What the releaser may claim: campaign messages that any sender of the pool may take, transactional ones likewise, and what
-- is bound to a sender.
CREATE INDEX messages_due ON messages (campaign_id, not_before, id)
    WHERE state = 'waiting' AND release_deadline IS NULL AND sender_id IS NULL AND campaign_id IS NOT NULL;
CREATE INDEX messages_due_in_pool ON messages (pool_id, lane, not_before, id)
    WHERE state = 'waiting' AND release_deadline IS NULL AND sender_id IS NULL AND campaign_id IS NULL;
CREATE INDEX messages_due_bound ON messages (sender_id, campaign_id, lane, not_before, id)
    WHERE state = 'waiting' AND release_deadline IS NULL AND sender_id IS NOT NULL;
-- What is in someone's hands: small, however large the backlog.
CREATE INDEX messages_released ON messages (sender_id, release_deadline) WHERE release_deadline IS NOT NULL;
CREATE INDEX messages_sending ON messages (sender_id) WHERE state = 'sending';
CREATE INDEX messages_expiring ON messages (expires_at) WHERE state = 'waiting' AND expires_at IS NOT NULL;
-- The waiting messages of a person who opts out. Those of campaigns are found by recipients_once and messages_of_row, so
-- that planning need not write to an index in random order.
CREATE INDEX messages_of_person ON messages (workspace_id, hash) WHERE state = 'waiting' AND campaign_id IS NULL;
-- Receipts and replies can only name what was attempted, so these two are written with the intent and not while planning.
CREATE INDEX messages_by_wa_id ON messages (wa_id) WHERE attempts > 0;
CREATE INDEX messages_to_person ON messages (hash, attempted_at) WHERE attempts > 0;

-- What messages say, written once. Apart, so that a change of state does not write the text again.
CREATE TABLE message_contents (
    message_seq INTEGER PRIMARY KEY,
    workspace_id BLOB NOT NULL,
    content TEXT NOT NULL
) STRICT;

-- The ledger and the outbox of sends in one.
CREATE TABLE attempts (
    seq INTEGER PRIMARY KEY,
    message_id BLOB NOT NULL,
    number INTEGER NOT NULL,
    workspace_id BLOB NOT NULL,
    sender_id BLOB NOT NULL,
    worker_id BLOB NOT NULL,
    epoch INTEGER NOT NULL,
    intended_at INTEGER NOT NULL,
    intended_really_at INTEGER NOT NULL,
    sends INTEGER NOT NULL DEFAULT 1,
    profile_version INTEGER NOT NULL,
    pace_inputs TEXT NOT NULL,
    outcome TEXT,
    ended_at INTEGER,
    recorded_at INTEGER,
    provider_id TEXT,
    UNIQUE (message_id, number)
) STRICT;
CREATE INDEX attempts_by_provider_id ON attempts (sender_id, provider_id) WHERE provider_id IS NOT NULL;

-- Which results have been applied.
CREATE TABLE inbox (
    seq INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    workspace_id BLOB NOT NULL,
    recorded_at INTEGER NOT NULL
) STRICT;

CREATE TABLE suppressions (
    workspace_id BLOB NOT NULL,
    hash BLOB NOT NULL,
    id BLOB NOT NULL,
    phone TEXT,
    business_scoped_id TEXT,
    linked_id TEXT,
    scope TEXT NOT NULL,
    reason TEXT NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, hash)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX suppressions_by_id ON suppressions (workspace_id, id);

CREATE TABLE events (
    -- The order of writing, which with one writer is the order of commits; never used twice.
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL,
    workspace_id BLOB NOT NULL,
    kind TEXT NOT NULL,
    at INTEGER NOT NULL,
    data TEXT NOT NULL,
    recorded_at INTEGER NOT NULL
) STRICT;
CREATE INDEX events_of_workspace ON events (workspace_id, seq);

-- Events up to this one have a number, and readers may see them.
CREATE TABLE event_numbering (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    numbered_through INTEGER NOT NULL
) STRICT;
INSERT INTO event_numbering VALUES (1, 0);

CREATE TABLE webhook_endpoints (
    id BLOB PRIMARY KEY,
    workspace_id BLOB NOT NULL,
    url TEXT NOT NULL,
    events TEXT NOT NULL,
    secret TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX webhook_endpoints_of_workspace ON webhook_endpoints (workspace_id, id);

CREATE TABLE webhook_deliveries (
    seq INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    workspace_id BLOB NOT NULL,
    endpoint_id BLOB NOT NULL,
    event_seq INTEGER NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    token INTEGER NOT NULL DEFAULT 0,
    last_status INTEGER,
    last_error TEXT,
    -- When it is tried next; for a claimed one, when the claim runs out. Null once it is finished.
    next_at INTEGER,
    claimed_until INTEGER,
    -- When it was finished.
    recorded_at INTEGER
) STRICT;
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint_id, next_at) WHERE state = 'waiting';
CREATE INDEX webhook_deliveries_claimed ON webhook_deliveries (endpoint_id, claimed_until) WHERE claimed_until IS NOT NULL;
CREATE INDEX webhook_deliveries_of_endpoint ON webhook_deliveries (endpoint_id, seq);
CREATE INDEX webhook_deliveries_of_event ON webhook_deliveries (event_seq);
CREATE INDEX webhook_deliveries_finished ON webhook_deliveries (recorded_at) WHERE recorded_at IS NOT NULL;
