-- What a browser holds instead of an API key. Older binaries can go on: they know of no browser.

CREATE TABLE sign_ins (
    id BLOB PRIMARY KEY,
    workspace_id BLOB NOT NULL,
    api_key_id BLOB NOT NULL,
    -- `link`, to be exchanged once, or `session`.
    kind TEXT NOT NULL,
    -- SHA-256 of the token.
    hash BLOB NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    -- Real time.
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sign_ins_by_key ON sign_ins (api_key_id, created_at);
CREATE INDEX sign_ins_by_end ON sign_ins (expires_at);
