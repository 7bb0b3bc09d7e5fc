-- What people note of organizations and teams, and when these were last changed.
ALTER TABLE organizations ADD COLUMN metadata TEXT CHECK (metadata IS NULL OR json_valid(metadata));
ALTER TABLE organizations ADD COLUMN updated_at INTEGER;
ALTER TABLE teams ADD COLUMN metadata TEXT CHECK (metadata IS NULL OR json_valid(metadata));
ALTER TABLE teams ADD COLUMN updated_at INTEGER;

-- What people note of connections, of which some are kept and not in use.
ALTER TABLE connections ADD COLUMN slot TEXT;
ALTER TABLE connections ADD COLUMN label TEXT;
ALTER TABLE connections ADD COLUMN made_by TEXT;
ALTER TABLE connections ADD COLUMN is_off INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN updated_at INTEGER;
