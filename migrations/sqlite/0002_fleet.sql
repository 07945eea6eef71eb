-- What several servers and workers need to know of each other. Older binaries can go on: nothing they write is missed.

-- Grows with each claim of the releaser, so that one who looked at the windows before another's claim finds its look stale.
CREATE TABLE release_rounds (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    round INTEGER NOT NULL
) STRICT;
INSERT INTO release_rounds VALUES (1, 0);

-- The worker processes, as they last reported themselves. All times are real time.
CREATE TABLE workers (
    id BLOB PRIMARY KEY,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    version TEXT NOT NULL,
    -- The sender that it works for and no other, if one was named.
    pinned_sender_id BLOB,
    slots INTEGER NOT NULL,
    -- A JSON array of channel kinds.
    channels TEXT NOT NULL,
    -- Where its own metrics and health are, if anywhere.
    listen TEXT,
    resident_bytes INTEGER NOT NULL,
    draining INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
