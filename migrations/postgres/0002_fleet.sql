-- What several servers and workers need to know of each other. Older binaries can go on: nothing they write is missed.

-- Grows with each claim of the releaser, so that one who looked at the windows before another's claim finds its look stale.
CREATE TABLE release_rounds (
    only_row integer PRIMARY KEY CHECK (only_row = 1),
    round bigint NOT NULL
) WITH (fillfactor = 10);
INSERT INTO release_rounds VALUES (1, 0);

-- The worker processes, as they last reported themselves. All times are real time.
CREATE TABLE workers (
    id uuid PRIMARY KEY,
    host text NOT NULL,
    pid bigint NOT NULL,
    version text NOT NULL,
    -- The sender that it works for and no other, if one was named.
    pinned_sender_id uuid,
    slots bigint NOT NULL,
    -- A JSON array of channel kinds.
    channels text NOT NULL,
    -- Where its own metrics and health are, if anywhere.
    listen text,
    resident_bytes bigint NOT NULL,
    draining boolean NOT NULL,
    started_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
) WITH (fillfactor = 50);
