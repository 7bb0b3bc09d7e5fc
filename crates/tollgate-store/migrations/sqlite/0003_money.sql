-- Organizations, teams and users, the ledger with what follows from it, the request log, answers
-- that are given again, and the record of what operators changed.
-- Times are milliseconds since 1970-01-01T00:00:00Z. Amounts are whole numbers of the smallest
-- unit. Controls are JSON, and NULL where nothing is limited.

ALTER TABLE keys ADD COLUMN team TEXT NOT NULL DEFAULT 'default';
ALTER TABLE keys ADD COLUMN user_id TEXT;
-- Lists as JSON; NULL where nothing is excluded.
ALTER TABLE keys ADD COLUMN surfaces TEXT CHECK (surfaces IS NULL OR json_valid(surfaces));
ALTER TABLE keys ADD COLUMN addresses TEXT CHECK (addresses IS NULL OR json_valid(addresses));
ALTER TABLE keys ADD COLUMN controls TEXT CHECK (controls IS NULL OR json_valid(controls));

CREATE TABLE organizations (
    id           TEXT    NOT NULL PRIMARY KEY,
    name         TEXT    NOT NULL,
    status       TEXT    NOT NULL CHECK (status IN ('active', 'paused', 'suspended')),
    controls     TEXT    CHECK (controls IS NULL OR json_valid(controls)),
    keeps_bodies INTEGER NOT NULL CHECK (keeps_bodies IN (0, 1)),
    created_at   INTEGER NOT NULL
) STRICT;

CREATE TABLE teams (
    id           TEXT    NOT NULL PRIMARY KEY,
    organization TEXT    NOT NULL,
    name         TEXT    NOT NULL,
    status       TEXT    NOT NULL CHECK (status IN ('active', 'paused', 'suspended')),
    controls     TEXT    CHECK (controls IS NULL OR json_valid(controls)),
    created_at   INTEGER NOT NULL
) STRICT;

CREATE TABLE users (
    id           TEXT    NOT NULL PRIMARY KEY,
    organization TEXT    NOT NULL,
    email        TEXT    NOT NULL,
    role         TEXT    NOT NULL CHECK (role IN ('member', 'viewer', 'developer', 'admin', 'owner')),
    status       TEXT    NOT NULL CHECK (status IN ('active', 'paused', 'suspended')),
    controls     TEXT    CHECK (controls IS NULL OR json_valid(controls)),
    created_at   INTEGER NOT NULL
) STRICT;

CREATE TABLE connections (
    name         TEXT    NOT NULL PRIMARY KEY,
    organization TEXT,
    settings     TEXT    NOT NULL CHECK (json_valid(settings)),
    -- The credential, encrypted, and which master key opens it.
    sealed_with  TEXT,
    sealed       BLOB,
    created_at   INTEGER NOT NULL,
    CHECK ((sealed_with IS NULL) = (sealed IS NULL))
) STRICT;

CREATE TABLE audit (
    number       INTEGER PRIMARY KEY,
    at           INTEGER NOT NULL,
    actor        TEXT    NOT NULL,
    action       TEXT    NOT NULL,
    object       TEXT    NOT NULL,
    object_id    TEXT    NOT NULL,
    organization TEXT,
    change       TEXT    NOT NULL,
    request_id   TEXT
) STRICT;
CREATE INDEX audit_by_object ON audit (object, object_id);
CREATE INDEX audit_by_organization ON audit (organization);
CREATE INDEX audit_by_time ON audit (at);

-- The ledger itself. Everything about money follows from its pages.
CREATE TABLE pages (
    number  INTEGER PRIMARY KEY,
    hash    BLOB    NOT NULL CHECK (length(hash) = 32),
    from_at INTEGER NOT NULL,
    to_at   INTEGER NOT NULL,
    entries INTEGER NOT NULL,
    content BLOB    NOT NULL
) STRICT;

-- Entries of the pages that no call made, once more, to be found.
CREATE TABLE transactions (
    number     INTEGER PRIMARY KEY,
    id         BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    page       INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    wallet     TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    amount     INTEGER NOT NULL,
    reference  TEXT,
    belongs_to BLOB,
    reason     TEXT    NOT NULL,
    -- A hold that was neither released nor spent.
    is_open    INTEGER NOT NULL CHECK (is_open IN (0, 1)),
    UNIQUE (wallet, reference)
) STRICT;
CREATE INDEX transactions_by_wallet ON transactions (wallet, number);
CREATE INDEX transactions_open ON transactions (number) WHERE is_open = 1;

-- What follows from the pages up to one of them.
CREATE TABLE checkpoint (
    only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
    number   INTEGER NOT NULL,
    hash     BLOB    NOT NULL CHECK (length(hash) = 32)
) STRICT;

CREATE TABLE balances (
    wallet  TEXT    NOT NULL PRIMARY KEY,
    balance INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE usage (
    quarter      INTEGER NOT NULL,
    organization TEXT    NOT NULL,
    team         TEXT    NOT NULL,
    user_id      TEXT    NOT NULL,
    key_id       TEXT    NOT NULL,
    model        TEXT    NOT NULL,
    calls        INTEGER NOT NULL,
    prompt       INTEGER NOT NULL,
    completion   INTEGER NOT NULL,
    cost         INTEGER NOT NULL,
    PRIMARY KEY (quarter, organization, team, user_id, key_id, model)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_by_organization ON usage (organization, quarter);
CREATE INDEX usage_by_team ON usage (team, quarter);
CREATE INDEX usage_by_user ON usage (user_id, quarter);
CREATE INDEX usage_by_key ON usage (key_id, quarter);
CREATE INDEX usage_by_model ON usage (model, quarter);

CREATE TABLE segments (
    -- Numbers are never given twice, also when all segments are gone.
    number  INTEGER PRIMARY KEY AUTOINCREMENT,
    from_at INTEGER NOT NULL,
    to_at   INTEGER NOT NULL,
    entries INTEGER NOT NULL,
    summary BLOB    NOT NULL,
    -- The last column: whoever reads summaries alone does not touch it.
    content BLOB    NOT NULL
) STRICT;
CREATE INDEX segments_by_time ON segments (to_at);

CREATE TABLE replays (
    slot        BLOB    NOT NULL PRIMARY KEY CHECK (length(slot) = 32),
    fingerprint BLOB    NOT NULL CHECK (length(fingerprint) = 32),
    expires_at  INTEGER NOT NULL,
    answer      BLOB    NOT NULL
) STRICT;
CREATE INDEX replays_by_end ON replays (expires_at);
