-- What becomes of messages whose outcome is unknown, and what nobody could work on. Older binaries can go on: they hold what is
-- unknown, which is the default, and leave dead letters in the broker. Only the events of decisions are strange to them.

ALTER TABLE workspaces ADD COLUMN unknown_policy TEXT NOT NULL DEFAULT 'hold';

-- What the policy looks at.
CREATE INDEX messages_unknown ON messages (workspace_id, ended_at) WHERE state = 'unknown';

-- Decisions about attempts whose outcome was unknown.
CREATE TABLE resolutions (
    message_id BLOB NOT NULL,
    -- The attempt.
    number INTEGER NOT NULL,
    workspace_id BLOB NOT NULL,
    resolution TEXT NOT NULL,
    -- `policy`, or the id of an API key as it prints.
    resolved_by TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (message_id, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE dead_letters (
    seq INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    -- Of what it holds, so that what is delivered again is kept once.
    digest BLOB NOT NULL UNIQUE,
    -- Null when nobody can tell whose it is.
    workspace_id BLOB,
    kind TEXT NOT NULL,
    sender_id BLOB,
    reason TEXT NOT NULL,
    body BLOB NOT NULL,
    received_at INTEGER NOT NULL,
    replayed_at INTEGER
) STRICT;
-- What waits for an operator.
CREATE INDEX dead_letters_waiting ON dead_letters (seq) WHERE replayed_at IS NULL AND kind <> 'job';
