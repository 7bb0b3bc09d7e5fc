-- Everything that Tollgate keeps.
-- Times are milliseconds since 1970-01-01T00:00:00Z. Amounts are whole numbers of the smallest
-- unit. Lists and controls are JSON as text, and NULL where they exclude or limit nothing.
-- Texts are compared byte by byte, whatever the language of the server.

CREATE TABLE settings (
    name  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

-- Each process that takes the database counts this up, so that one that lost it finds out.
CREATE TABLE owner (
    only_one BIGINT PRIMARY KEY CHECK (only_one = 1),
    epoch    BIGINT NOT NULL
);
INSERT INTO owner (only_one, epoch) VALUES (1, 0);

CREATE TABLE keys (
    id            TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name          TEXT   NOT NULL,
    -- HMAC-SHA-256 of the key under the deployment's secret; the key itself is nowhere.
    hash          BYTEA  NOT NULL UNIQUE CHECK (length(hash) = 32),
    prefix        TEXT   NOT NULL,
    last_four     TEXT   NOT NULL,
    permissions   TEXT   NOT NULL,
    models        TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    expires_at    BIGINT,
    revoked_at    BIGINT,
    last_used_at  BIGINT,
    error_dialect TEXT,
    priority      TEXT   NOT NULL CHECK (priority IN ('low', 'normal', 'high')),
    team          TEXT   NOT NULL,
    user_id       TEXT,
    surfaces      TEXT,
    addresses     TEXT,
    controls      TEXT
);

CREATE TABLE organizations (
    id           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name         TEXT   NOT NULL,
    status       TEXT   NOT NULL CHECK (status IN ('active', 'paused', 'suspended')),
    controls     TEXT,
    keeps_bodies BIGINT NOT NULL CHECK (keeps_bodies IN (0, 1)),
    created_at   BIGINT NOT NULL
);

CREATE TABLE teams (
    id           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    organization TEXT   NOT NULL,
    name         TEXT   NOT NULL,
    status       TEXT   NOT NULL CHECK (status IN ('active', 'paused', 'suspended')),
    controls     TEXT,
    created_at   BIGINT NOT NULL
);

CREATE TABLE users (
    id           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    organization TEXT   NOT NULL,
    email        TEXT   NOT NULL,
    role         TEXT   NOT NULL CHECK (role IN ('member', 'viewer', 'developer', 'admin', 'owner')),
    status       TEXT   NOT NULL CHECK (status IN ('active', 'paused', 'suspended')),
    controls     TEXT,
    created_at   BIGINT NOT NULL
);

CREATE TABLE connections (
    name         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    organization TEXT,
    settings     TEXT   NOT NULL,
    -- The credential, encrypted, and which master key opens it.
    sealed_with  TEXT,
    sealed       BYTEA,
    created_at   BIGINT NOT NULL,
    CHECK ((sealed_with IS NULL) = (sealed IS NULL))
);

CREATE TABLE audit (
    number       BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at           BIGINT NOT NULL,
    actor        TEXT   NOT NULL,
    action       TEXT   NOT NULL,
    object       TEXT COLLATE "C" NOT NULL,
    object_id    TEXT COLLATE "C" NOT NULL,
    organization TEXT COLLATE "C",
    change       TEXT   NOT NULL,
    request_id   TEXT
);
CREATE INDEX audit_by_object ON audit (object, object_id, number);
CREATE INDEX audit_by_organization ON audit (organization, number);
CREATE INDEX audit_by_time ON audit (at);

-- The ledger itself. Everything about money follows from its pages.
CREATE TABLE pages (
    number  BIGINT PRIMARY KEY,
    hash    BYTEA  NOT NULL CHECK (length(hash) = 32),
    from_at BIGINT NOT NULL,
    to_at   BIGINT NOT NULL,
    entries BIGINT NOT NULL,
    content BYTEA  NOT NULL
);

-- Entries of the pages that no call made, once more, to be found.
CREATE TABLE transactions (
    number     BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         BYTEA  NOT NULL UNIQUE CHECK (length(id) = 16),
    page       BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    wallet     TEXT COLLATE "C" NOT NULL,
    kind       TEXT   NOT NULL,
    amount     BIGINT NOT NULL,
    reference  TEXT COLLATE "C",
    belongs_to BYTEA,
    reason     TEXT   NOT NULL,
    -- A hold that was neither released nor spent.
    is_open    BIGINT NOT NULL CHECK (is_open IN (0, 1)),
    UNIQUE (wallet, reference)
);
CREATE INDEX transactions_by_wallet ON transactions (wallet, number);
CREATE INDEX transactions_open ON transactions (number) WHERE is_open = 1;

-- What follows from the pages up to one of them.
CREATE TABLE checkpoint (
    only_one BIGINT PRIMARY KEY CHECK (only_one = 1),
    number   BIGINT NOT NULL,
    hash     BYTEA  NOT NULL CHECK (length(hash) = 32)
);

CREATE TABLE balances (
    wallet  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    balance BIGINT NOT NULL
);

CREATE TABLE usage (
    quarter      BIGINT NOT NULL,
    organization TEXT COLLATE "C" NOT NULL,
    team         TEXT COLLATE "C" NOT NULL,
    user_id      TEXT COLLATE "C" NOT NULL,
    key_id       TEXT COLLATE "C" NOT NULL,
    model        TEXT COLLATE "C" NOT NULL,
    calls        BIGINT NOT NULL,
    prompt       BIGINT NOT NULL,
    completion   BIGINT NOT NULL,
    cost         BIGINT NOT NULL,
    PRIMARY KEY (quarter, organization, team, user_id, key_id, model)
);
CREATE INDEX usage_by_organization ON usage (organization, quarter);
CREATE INDEX usage_by_team ON usage (team, quarter);
CREATE INDEX usage_by_user ON usage (user_id, quarter);
CREATE INDEX usage_by_key ON usage (key_id, quarter);
CREATE INDEX usage_by_model ON usage (model, quarter);

CREATE TABLE segments (
    number  BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    from_at BIGINT NOT NULL,
    to_at   BIGINT NOT NULL,
    entries BIGINT NOT NULL,
    summary BYTEA  NOT NULL,
    content BYTEA  NOT NULL
);
CREATE INDEX segments_by_time ON segments (to_at);

CREATE TABLE replays (
    slot        BYTEA  NOT NULL PRIMARY KEY CHECK (length(slot) = 32),
    fingerprint BYTEA  NOT NULL CHECK (length(fingerprint) = 32),
    expires_at  BIGINT NOT NULL,
    answer      BYTEA  NOT NULL
);
CREATE INDEX replays_by_end ON replays (expires_at);
