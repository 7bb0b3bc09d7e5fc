-- What operators offer to teams: aliases, access groups, model groups, and what each team was given.
CREATE TABLE offers (
    kind     TEXT COLLATE "C" NOT NULL,
    name     TEXT COLLATE "C" NOT NULL,
    -- A JSON object.
    document TEXT NOT NULL,
    PRIMARY KEY (kind, name)
);

-- What a wallet was given in all is asked for whenever a team is told.
CREATE INDEX transactions_by_kind ON transactions (wallet, kind, amount);
