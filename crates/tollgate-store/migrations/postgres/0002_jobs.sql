-- Jobs with their calls, and what the jobs of a team cost.

-- JSON as text; NULL where they cost what everybody's do.
ALTER TABLE teams ADD COLUMN job_terms TEXT;

CREATE TABLE jobs (
    number       BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id           TEXT COLLATE "C" NOT NULL UNIQUE,
    team         TEXT COLLATE "C" NOT NULL,
    organization TEXT COLLATE "C" NOT NULL,
    user_id      TEXT,
    kind         TEXT COLLATE "C" NOT NULL,
    metadata     TEXT   NOT NULL,
    is_single    BIGINT NOT NULL CHECK (is_single IN (0, 1)),
    state        TEXT   NOT NULL
        CHECK (state IN ('pending', 'in_progress', 'completed', 'failed', 'cancelled')),
    error        TEXT,
    created_at   BIGINT NOT NULL,
    started_at   BIGINT,
    completed_at BIGINT,
    -- The entry of the ledger that set credits aside; NULL where nobody pays in credits.
    hold         BYTEA  CHECK (hold IS NULL OR length(hold) = 16),
    due          BIGINT NOT NULL,
    charged      BIGINT NOT NULL,
    is_settled   BIGINT NOT NULL CHECK (is_settled IN (0, 1))
);
CREATE INDEX jobs_by_team ON jobs (team, number);
CREATE INDEX jobs_by_organization ON jobs (organization, number);
CREATE INDEX jobs_open ON jobs (created_at) WHERE state IN ('pending', 'in_progress');
CREATE INDEX jobs_unsettled ON jobs (number)
    WHERE is_settled = 0 AND state NOT IN ('pending', 'in_progress');

CREATE TABLE job_calls (
    number     BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         TEXT COLLATE "C" NOT NULL UNIQUE,
    job        TEXT COLLATE "C" NOT NULL,
    at         BIGINT NOT NULL,
    purpose    TEXT COLLATE "C",
    asked      TEXT COLLATE "C" NOT NULL,
    model      TEXT COLLATE "C",
    request_id TEXT   NOT NULL,
    state      TEXT   NOT NULL CHECK (state IN ('running', 'succeeded', 'failed')),
    prompt     BIGINT NOT NULL,
    completion BIGINT NOT NULL,
    cost       BIGINT NOT NULL,
    latency_ms BIGINT,
    error      TEXT
);
CREATE INDEX job_calls_by_job ON job_calls (job, number);
CREATE INDEX job_calls_running ON job_calls (number) WHERE state = 'running';
