-- The first schema. See ../README.md for what every table keeps to.
--
-- Tables whose rows change leave room in their pages (fillfactor), so that a new version of a row finds place beside the old
-- one, and are vacuumed after a fiftieth of their rows has changed rather than a fifth.

CREATE TABLE schema_compatibility (
    only_row integer PRIMARY KEY CHECK (only_row = 1),
    -- The newest migration that a binary must know to work with this schema.
    oldest_binary bigint NOT NULL
);
INSERT INTO schema_compatibility VALUES (1, 1);

-- A row to write, so that a health check proves that the disk takes writes.
CREATE TABLE health_probe (
    only_row integer PRIMARY KEY CHECK (only_row = 1),
    probed_at timestamptz NOT NULL
) WITH (fillfactor = 10);
INSERT INTO health_probe VALUES (1, 'epoch');

CREATE TABLE workspaces (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    key bytea NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE api_keys (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL,
    name text NOT NULL,
    hash bytea NOT NULL UNIQUE,
    created_at timestamptz NOT NULL
);

CREATE TABLE idempotency_keys (
    workspace_id uuid NOT NULL,
    key text NOT NULL,
    claimed_until timestamptz NOT NULL,
    -- The answer, once there is one.
    request_hash bytea,
    status integer,
    content_type text,
    body bytea,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (recorded_at);
CREATE INDEX idempotency_keys_unanswered ON idempotency_keys (claimed_until) WHERE status IS NULL;

CREATE TABLE senders (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL,
    phone text NOT NULL,
    channel text NOT NULL,
    name text NOT NULL,
    account text,
    profile text NOT NULL,
    zone text NOT NULL,
    seed bigint NOT NULL,
    state text NOT NULL,
    pace_next_slot timestamptz,
    pace_day text,
    pace_spent bigint NOT NULL DEFAULT 0,
    session_state text NOT NULL DEFAULT 'unpaired',
    session_at timestamptz,
    session_detail text,
    pairing_code text,
    suspended boolean NOT NULL DEFAULT false,
    suspended_until timestamptz,
    lease_worker uuid,
    -- Never goes back, whoever holds the lease.
    lease_epoch bigint NOT NULL DEFAULT 0,
    lease_expires_at timestamptz,
    created_at timestamptz NOT NULL,
    last_sent_at timestamptz
    -- Written with every intent and every renewal: no index holds a column that those change.
) WITH (fillfactor = 40, autovacuum_vacuum_scale_factor = 0.02);
-- A removed sender leaves its number to others.
CREATE UNIQUE INDEX senders_number ON senders (channel, phone) WHERE state <> 'removed';
CREATE INDEX senders_of_workspace ON senders (workspace_id, created_at, id);

CREATE TABLE sender_sessions (
    sender_id uuid NOT NULL,
    device integer NOT NULL,
    workspace_id uuid NOT NULL,
    blob bytea NOT NULL,
    key_id text NOT NULL,
    epoch bigint NOT NULL,
    PRIMARY KEY (sender_id, device)
);

CREATE TABLE pools (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL,
    name text NOT NULL,
    UNIQUE (workspace_id, name)
);

CREATE TABLE pool_members (
    sender_id uuid NOT NULL,
    pool_id uuid NOT NULL,
    workspace_id uuid NOT NULL,
    PRIMARY KEY (sender_id, pool_id)
);
CREATE INDEX pool_members_of_pool ON pool_members (pool_id);

CREATE TABLE campaigns (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL,
    name text NOT NULL,
    template text NOT NULL,
    pool text NOT NULL,
    default_region text,
    phone_column text,
    start_at timestamptz,
    expires_at timestamptz,
    state text NOT NULL,
    columns text NOT NULL DEFAULT '[]',
    -- Rows of committed uploads. Rows of an open upload have higher numbers, which is what makes them invisible.
    rows bigint NOT NULL DEFAULT 0,
    accepted bigint NOT NULL DEFAULT 0,
    planned_through bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    started_at timestamptz,
    ended_at timestamptz
) WITH (fillfactor = 70);
CREATE INDEX campaigns_of_workspace ON campaigns (workspace_id, created_at, id);
CREATE INDEX campaigns_by_state ON campaigns (state, started_at);

-- How many of a campaign's rows and messages stand where: `planned`, each message state, `replied`, `opted_out`,
-- `excluded.<reason>`, `failed.<reason>`. Transactional messages count under the campaign of sixteen zero bytes; the sum over
-- the installation under the workspace of sixteen zero bytes. Only the sum over the shards means anything.
CREATE TABLE campaign_counts (
    workspace_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    bucket text NOT NULL,
    shard integer NOT NULL,
    count bigint NOT NULL,
    PRIMARY KEY (workspace_id, campaign_id, bucket, shard)
) WITH (fillfactor = 40, autovacuum_vacuum_scale_factor = 0.02);

CREATE TABLE uploads (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    state text NOT NULL,
    first_row bigint NOT NULL,
    rows bigint NOT NULL DEFAULT 0,
    accepted bigint NOT NULL DEFAULT 0,
    excluded text NOT NULL DEFAULT '{}',
    expires_at timestamptz NOT NULL
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX uploads_open ON uploads (campaign_id) WHERE state = 'open';
CREATE INDEX uploads_stale ON uploads (expires_at) WHERE state = 'open';

-- Accepted rows.
CREATE TABLE recipients (
    campaign_id uuid NOT NULL,
    row_no bigint NOT NULL,
    workspace_id uuid NOT NULL,
    hash bytea NOT NULL,
    phone text,
    business_scoped_id text,
    linked_id text,
    variables text NOT NULL,
    PRIMARY KEY (campaign_id, row_no)
);
-- Where "every person once" is enforced.
CREATE UNIQUE INDEX recipients_once ON recipients (campaign_id, hash);

CREATE TABLE exclusions (
    campaign_id uuid NOT NULL,
    row_no bigint NOT NULL,
    workspace_id uuid NOT NULL,
    phone text,
    exclusion text NOT NULL,
    PRIMARY KEY (campaign_id, row_no)
);

CREATE TABLE messages (
    -- The order of writing, and the order in which rows are locked; `id` is the name that leaves the database.
    seq bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    id uuid NOT NULL UNIQUE,
    workspace_id uuid NOT NULL,
    campaign_id uuid,
    row_no bigint,
    lane text NOT NULL,
    state text NOT NULL,
    reason text,
    sender_id uuid,
    -- Whether the sender is the message's for good: `free` is not, `sticky` because the sender wrote to this person before,
    -- `routed` because the caller named it.
    binding text NOT NULL,
    -- The pool of a transactional message; a campaign's is the campaign's own.
    pool_id uuid,
    -- The epoch: at once. Not null, so that one index range finds what is due.
    not_before timestamptz NOT NULL DEFAULT 'epoch',
    waits_for text,
    expires_at timestamptz,
    release_generation integer NOT NULL DEFAULT 0,
    -- Set while a release holds, and only while the message waits.
    release_deadline timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    -- When the last intent was recorded.
    attempted_at timestamptz,
    created_at timestamptz NOT NULL,
    sent_at timestamptz,
    delivered_at timestamptz,
    read_at timestamptz,
    replied_at timestamptz,
    -- When the person answered this message with an opt-out word.
    opted_out_at timestamptz,
    ended_at timestamptz,
    hash bytea NOT NULL,
    phone text,
    business_scoped_id text,
    linked_id text,
    wa_id text NOT NULL,
    chars integer NOT NULL
    -- A message changes about five times in its life.
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
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
    message_seq bigint PRIMARY KEY,
    workspace_id uuid NOT NULL,
    content text NOT NULL
);

-- The ledger and the outbox of sends in one.
CREATE TABLE attempts (
    seq bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    message_id uuid NOT NULL,
    number integer NOT NULL,
    workspace_id uuid NOT NULL,
    sender_id uuid NOT NULL,
    worker_id uuid NOT NULL,
    epoch bigint NOT NULL,
    intended_at timestamptz NOT NULL,
    intended_really_at timestamptz NOT NULL,
    sends integer NOT NULL DEFAULT 1,
    profile_version bigint NOT NULL,
    pace_inputs text NOT NULL,
    outcome text,
    ended_at timestamptz,
    recorded_at timestamptz,
    provider_id text,
    UNIQUE (message_id, number)
    -- An outcome without a provider's id is no change to any index.
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
CREATE INDEX attempts_by_provider_id ON attempts (sender_id, provider_id) WHERE provider_id IS NOT NULL;

-- Which results have been applied.
CREATE TABLE inbox (
    seq bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    id uuid NOT NULL UNIQUE,
    workspace_id uuid NOT NULL,
    recorded_at timestamptz NOT NULL
);

CREATE TABLE suppressions (
    workspace_id uuid NOT NULL,
    hash bytea NOT NULL,
    id uuid NOT NULL,
    phone text,
    business_scoped_id text,
    linked_id text,
    scope text NOT NULL,
    reason text NOT NULL,
    since timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, hash)
);
CREATE UNIQUE INDEX suppressions_by_id ON suppressions (workspace_id, id);

CREATE TABLE events (
    -- The order of writing, which is not that of commits.
    seq bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    -- Given after the commit, by one numberer at a time: the cursor of readers.
    number bigint,
    id uuid NOT NULL,
    workspace_id uuid NOT NULL,
    kind text NOT NULL,
    at timestamptz NOT NULL,
    data text NOT NULL,
    recorded_at timestamptz NOT NULL
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
CREATE UNIQUE INDEX events_of_workspace ON events (workspace_id, number) WHERE number IS NOT NULL;
CREATE INDEX events_unnumbered ON events (seq) WHERE number IS NULL;

-- The number of the last event that has one.
CREATE TABLE event_numbering (
    only_row integer PRIMARY KEY CHECK (only_row = 1),
    numbered_through bigint NOT NULL
) WITH (fillfactor = 10);
INSERT INTO event_numbering VALUES (1, 0);

CREATE TABLE webhook_endpoints (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL,
    url text NOT NULL,
    events text NOT NULL,
    secret text NOT NULL,
    created_at timestamptz NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX webhook_endpoints_of_workspace ON webhook_endpoints (workspace_id, id);

CREATE TABLE webhook_deliveries (
    seq bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    id uuid NOT NULL UNIQUE,
    workspace_id uuid NOT NULL,
    endpoint_id uuid NOT NULL,
    event_seq bigint NOT NULL,
    state text NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    token bigint NOT NULL DEFAULT 0,
    last_status integer,
    last_error text,
    -- When it is tried next; for a claimed one, when the claim runs out. Null once it is finished.
    next_at timestamptz,
    claimed_until timestamptz,
    -- When it was finished.
    recorded_at timestamptz
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint_id, next_at) WHERE state = 'waiting';
CREATE INDEX webhook_deliveries_claimed ON webhook_deliveries (endpoint_id, claimed_until) WHERE claimed_until IS NOT NULL;
CREATE INDEX webhook_deliveries_of_endpoint ON webhook_deliveries (endpoint_id, seq);
CREATE INDEX webhook_deliveries_of_event ON webhook_deliveries (event_seq);
CREATE INDEX webhook_deliveries_finished ON webhook_deliveries (recorded_at) WHERE recorded_at IS NOT NULL;
