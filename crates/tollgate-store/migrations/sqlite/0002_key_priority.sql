-- Whose requests go on when not all can.

ALTER TABLE keys ADD COLUMN priority TEXT NOT NULL DEFAULT 'normal'
    CHECK (priority IN ('low', 'normal', 'high'));
