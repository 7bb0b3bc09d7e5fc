-- What the jobs of a month come to is asked for by team and by organization.
CREATE INDEX jobs_by_team_and_time ON jobs (team, created_at);
CREATE INDEX jobs_by_organization_and_time ON jobs (organization, created_at);

-- What a wallet was given in all leaves out what jobs took of it, which their references tell.
DROP INDEX transactions_by_kind;
CREATE INDEX transactions_by_kind ON transactions (wallet, kind, amount, reference);
