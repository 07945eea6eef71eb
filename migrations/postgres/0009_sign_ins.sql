-- What a browser holds instead of an API key. Older binaries can go on: they know of no browser.

CREATE TABLE sign_ins (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL,
    api_key_id uuid NOT NULL,
    -- `link`, to be exchanged once, or `session`.
    kind text NOT NULL,
    -- SHA-256 of the token.
    hash bytea NOT NULL UNIQUE,
    created_at timestamptz NOT NULL,
    -- Real time.
    expires_at timestamptz NOT NULL
);
CREATE INDEX sign_ins_by_key ON sign_ins (api_key_id, created_at);
CREATE INDEX sign_ins_by_end ON sign_ins (expires_at);
