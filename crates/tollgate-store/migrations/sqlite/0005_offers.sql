-- What operators offer to teams: aliases, access groups, model groups, and what each team was given.
CREATE TABLE offers (
    kind     TEXT NOT NULL,
    name     TEXT NOT NULL,
    -- A JSON object.
    document TEXT NOT NULL,
    PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;

-- What a wallet was given in all is asked for whenever a team is told.
CREATE INDEX transactions_by_kind ON transactions (wallet, kind, amount);
