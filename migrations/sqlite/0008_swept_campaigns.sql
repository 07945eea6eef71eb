-- Whether nothing of a cancelled campaign is left that could wait, so that it is looked at no more. Older binaries can go on: they look at all
-- cancelled campaigns.

ALTER TABLE campaigns ADD COLUMN swept INTEGER NOT NULL DEFAULT 0;
CREATE INDEX campaigns_unswept ON campaigns (id) WHERE state = 'cancelled' AND swept = 0;
