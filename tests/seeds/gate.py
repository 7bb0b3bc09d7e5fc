"""A gateway with a team for each trouble that the documents' programs handle."""

import contextlib
import json
import signal
import sqlite3
import urllib.request

from gateway import Running

ADMIN_KEY = "seeds-admin-key-0123456789"

#: What befalls the calls of a team, by its name: lines of its declaration.
TEAMS = {
    "acme-corp": 'jobs = { default_model = "sim/echo", credits = 1000000 }',
    "story": 'jobs = { default_model = "sim/story", credits = 1000 }',
    "broken": 'jobs = { default_model = "sim/fault/server-error", credits = 1000 }',
    "slow": 'jobs = { default_model = "sim/fault/delay-head:ms=4000", credits = 1000 }',
    "cut": 'jobs = { default_model = "sim/fault/cut-after-3", credits = 1000 }',
    "stalled": 'jobs = { default_model = "sim/fault/stall-after-3", credits = 1000 }',
    "down": 'jobs = { default_model = "down/model", credits = 1000 }',
    "limited": 'jobs = { default_model = "sim/echo", credits = 1000 }\nlimits = { rpm = 1 }',
    "spent": 'jobs = { default_model = "sim/echo", credits = 1 }',
    # Less than the least that anybody may pay a call with.
    "poor": 'credits_usd = "0.05"\njobs = { default_model = "paid/echo" }',
    "narrow": 'jobs = { default_model = "sim/story", credits = 1000 }',
}

CONFIGURATION = """
[server]
listen = "127.0.0.1:{port}"
shutdown_ms = 1500

[admin]
key = "{admin_key}"

[database]
url = "sqlite://{folder}/tollgate.db"

# What one fault does must not change what the next one meets: everything is tried once.
[routing]
attempts = 1
breaker = {{ failures = 0, share_percent = 0, cooldown = false }}

[[connections]]
name = "sim"
provider = "simulated"

[[models]]
name = "sim/*"
targets = [{{ connection = "sim" }}]

[[models]]
name = "paid/echo"
targets = [{{ connection = "sim", model = "echo" }}]
price = {{ input = "1", output = "2" }}

[[models]]
name = "down/model"
targets = []
"""


def key_of(team: str) -> str:
    """The key of a team."""
    return f"sk-seeds-{team}-0123456789"


class Gate(Running):
    """The running gateway, with these teams."""

    def __init__(self, folder, teams=TEAMS):
        text = CONFIGURATION
        for team, lines in teams.items():
            text += f'\n[[teams]]\nname = "{team}"\n{escaped(lines)}\n'
            models = '["sim/echo"]' if team == "narrow" else '["*"]'
            text += f'\n[[keys]]\nname = "{team}"\nteam = "{team}"\nkey = "{key_of(team)}"\nmodels = {models}\n'
        super().__init__(folder, text, admin_key=ADMIN_KEY)

    def ask(self, method: str, path: str, body=None, key: str | None = None):
        """Calls an address by a key, or as the operator; returns the decoded answer."""
        credential = {"authorization": f"Bearer {key}"} if key else {"x-admin-key": ADMIN_KEY}
        request = urllib.request.Request(
            self.address + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={**credential, "content-type": "application/json"},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=10) as answer:
            return json.loads(answer.read() or "null")

    def job(self, team: str, key: str | None = None) -> str:
        """A new job of a team."""
        body = {"team_id": team, "job_type": "test"}
        return self.ask("POST", "/api/jobs/create", body, key or key_of(team))["job_id"]

    def status_of(self, team: str, job: str) -> str:
        """How a job stands."""
        return self.ask("GET", f"/api/jobs/{job}", None, key_of(team))["status"]

    @contextlib.contextmanager
    def standing_still(self):
        """Within it, the process does nothing, as one does whose machine is busy."""
        self.process.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.process.send_signal(signal.SIGCONT)


@contextlib.contextmanager
def refusing(running, table):
    """Within it, a table of the gateway's database takes nothing, as with a full disk."""
    with contextlib.closing(sqlite3.connect(running.folder / "tollgate.db", timeout=10)) as database:
        database.execute(f"CREATE TRIGGER refuses BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'full'); END")
        database.commit()
        try:
            yield
        finally:
            database.execute("DROP TRIGGER refuses")
            database.commit()


def escaped(lines):
    """Lines as they are, for a text that is formatted."""
    return lines.replace("{", "{{").replace("}", "}}")
