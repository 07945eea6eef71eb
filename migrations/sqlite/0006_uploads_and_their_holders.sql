-- Who opened an upload, so that its own client may open it again and nobody writes to it who opened it before. Older binaries can go on: what
-- they open has no holder, and nobody but they writes to it.

ALTER TABLE uploads ADD COLUMN holder BLOB;
