-- Keys that Tollgate gave out, and the settings of the deployment.
-- Times are milliseconds since 1970-01-01T00:00:00Z. Lists are JSON arrays of strings.

CREATE TABLE keys (
    id            TEXT    NOT NULL PRIMARY KEY,
    name          TEXT    NOT NULL,
    -- HMAC-SHA-256 of the key under the deployment's secret; the key itself is nowhere.
    hash          BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32),
    prefix        TEXT    NOT NULL,
    last_four     TEXT    NOT NULL,
    permissions   TEXT    NOT NULL CHECK (json_valid(permissions)),
    models        TEXT    NOT NULL CHECK (json_valid(models)),
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER,
    revoked_at    INTEGER,
    last_used_at  INTEGER,
    error_dialect TEXT
) STRICT;

CREATE TABLE settings (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
