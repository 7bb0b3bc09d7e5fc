-- Jobs with their calls, and what the jobs of a team cost.

-- JSON; NULL where they cost what everybody's do.
ALTER TABLE teams ADD COLUMN job_terms TEXT CHECK (job_terms IS NULL OR json_valid(job_terms));

CREATE TABLE jobs (
    number       INTEGER PRIMARY KEY,
    id           TEXT    NOT NULL UNIQUE,
    team         TEXT    NOT NULL,
    organization TEXT    NOT NULL,
    user_id      TEXT,
    kind         TEXT    NOT NULL,
    metadata     TEXT    NOT NULL,
    is_single    INTEGER NOT NULL CHECK (is_single IN (0, 1)),
    state        TEXT    NOT NULL
        CHECK (state IN ('pending', 'in_progress', 'completed', 'failed', 'cancelled')),
    error        TEXT,
    created_at   INTEGER NOT NULL,
    started_at   INTEGER,
    completed_at INTEGER,
    -- The entry of the ledger that set credits aside; NULL where nobody pays in credits.
    hold         BLOB    CHECK (hold IS NULL OR length(hold) = 16),
    due          INTEGER NOT NULL,
    charged      INTEGER NOT NULL,
    is_settled   INTEGER NOT NULL CHECK (is_settled IN (0, 1))
) STRICT;
CREATE INDEX jobs_by_team ON jobs (team, number);
CREATE INDEX jobs_by_organization ON jobs (organization, number);
CREATE INDEX jobs_open ON jobs (created_at) WHERE state IN ('pending', 'in_progress');
CREATE INDEX jobs_unsettled ON jobs (number)
    WHERE is_settled = 0 AND state NOT IN ('pending', 'in_progress');

CREATE TABLE job_calls (
    number     INTEGER PRIMARY KEY,
    id         TEXT    NOT NULL UNIQUE,
    job        TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    purpose    TEXT,
    asked      TEXT    NOT NULL,
    model      TEXT,
    request_id TEXT    NOT NULL,
    state      TEXT    NOT NULL CHECK (state IN ('running', 'succeeded', 'failed')),
    prompt     INTEGER NOT NULL,
    completion INTEGER NOT NULL,
    cost       INTEGER NOT NULL,
    latency_ms INTEGER,
    error      TEXT
) STRICT;
CREATE INDEX job_calls_by_job ON job_calls (job, number);
CREATE INDEX job_calls_running ON job_calls (number) WHERE state = 'running';
