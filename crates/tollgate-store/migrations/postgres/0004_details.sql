-- What people note of organizations and teams, and when these were last changed.
ALTER TABLE organizations ADD COLUMN metadata TEXT;
ALTER TABLE organizations ADD COLUMN updated_at BIGINT;
ALTER TABLE teams ADD COLUMN metadata TEXT;
ALTER TABLE teams ADD COLUMN updated_at BIGINT;

-- What people note of connections, of which some are kept and not in use.
ALTER TABLE connections ADD COLUMN slot TEXT;
ALTER TABLE connections ADD COLUMN label TEXT;
ALTER TABLE connections ADD COLUMN made_by TEXT;
ALTER TABLE connections ADD COLUMN is_off BIGINT NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN updated_at BIGINT;
