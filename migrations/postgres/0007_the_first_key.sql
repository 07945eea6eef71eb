-- Has a row from the making of the first API key until somebody was shown it, so that a start after a crash shows another. Older binaries can
-- go on: the key that they make is shown once or never.

CREATE TABLE unseen_first_key (
    only_row integer PRIMARY KEY CHECK (only_row = 1)
);
