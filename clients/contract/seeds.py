"""The code that the seeds print: found, compared with the print, and run."""

import pathlib

from gateway import REPOSITORY, Process, free_ports

FOLDER = REPOSITORY / "tests/seeds"


def blocks(seed):
    """The blocks of code of a seed, by their names."""
    return sorted(path.stem for path in (FOLDER / seed).glob("*.py"))


def copy(seed, name):
    """A block with its indentation."""
    return (FOLDER / seed / f"{name}.py").read_text()


def printed(seed, name):
    """A block as the document prints it."""
    return (FOLDER / seed / f"{name}.printed.txt").read_text()


def without_blanks(text):
    return "".join(text.split())


def run(seed, name, substitutes, names):
    """Runs a block with an address, a key and a model in place of the printed ones; gives what it defines.

    `names` are what the document leaves undefined. A substitute that is not there is a mistake of ours.
    """
    source = copy(seed, name)
    for old, new in substitutes.items():
        assert old in source, f"{name} has no {old!r}"
        source = source.replace(old, new)
    scope = {"__name__": f"seed_{seed}_{name}", **names}
    exec(compile(source, f"tests/seeds/{seed}/{name}.py", "exec"), scope)
    return scope


KEY = "sk-seeds-key-0123456789"
ADMIN_KEY = "seeds-admin-key-0123456789"

CONFIGURATION = """
[server]
listen = "127.0.0.1:{port}"

[admin]
key = "{admin_key}"

[database]
url = "sqlite://{folder}/tollgate.db"

[surfaces]
default_model = "google/gemini-3.5-flash"
simple = {{ hints = {{ fast = "google/gemini-3.5-flash" }} }}

[routing]
attempts = 1
breaker = {{ failures = 0, share_percent = 0, cooldown = false }}
timeouts = {{ connect_ms = 1000, first_byte_ms = 2000, idle_ms = 2000, answer_ms = 2000, total_ms = 5000 }}

[[connections]]
name = "upstream"
provider = "openai-compatible"
base_url = "http://127.0.0.1:{simulator_port}/v1"

[[models]]
name = "google/gemini-3.5-flash"
targets = [{{ connection = "upstream", model = "echo" }}]
price = {{ input = "0.30", output = "2.50" }}
context_window = 1048576

[[keys]]
name = "seeds"
key = "{key}"
"""


class Seeded:
    """A gateway as the seeds' users know theirs: one model, one key, the simple chat's own limits."""

    def __init__(self, folder):
        port, simulator_port, closed_port = free_ports(3)
        self.address = f"http://127.0.0.1:{port}"
        self.nowhere = f"http://127.0.0.1:{closed_port}"
        self.simulator_address = f"http://127.0.0.1:{simulator_port}"
        configuration = pathlib.Path(folder) / "tollgate.toml"
        configuration.write_text(CONFIGURATION.format(
            port=port, simulator_port=simulator_port, folder=folder, key=KEY, admin_key=ADMIN_KEY))
        self.simulator = Process(["simulate", "--listen", f"127.0.0.1:{simulator_port}"], folder, "simulator")
        self.process = None
        try:
            self.simulator.wait_until(f"{self.simulator_address}/v1/models")
            self.process = Process(["serve", "--config", configuration], folder, "gateway")
            self.process.wait_until(f"{self.address}/health/ready")
        except BaseException:
            self.stop()
            raise

    def stop(self):
        for process in (self.process, self.simulator):
            if process is not None:
                process.stop()
