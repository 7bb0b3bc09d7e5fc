"""Starts the binary as a user would, and stops it again."""

import os
import pathlib
import socket
import subprocess
import time
import urllib.error
import urllib.request

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
START_S = 30
STOP_S = 15

KEY = "sk-contract-key-0123456789"
NARROW_KEY = "sk-contract-narrow-0123456789"
EXPIRED_KEY = "sk-contract-expired-0123456789"
POOR_KEY = "sk-contract-poor-0123456789"
SPENT_KEY = "sk-contract-spent-0123456789"
ADMIN_KEY = "contract-admin-key-0123456789"
BODY_LIMIT = 64 * 1024

CONFIGURATION = """
[server]
listen = "127.0.0.1:{port}"
body_limit = "64KiB"
body_timeout_ms = 1000
keep_alive_ms = 100
shutdown_ms = 1500

[admin]
key = "{admin_key}"

[database]
url = "sqlite://{folder}/tollgate.db"

# What one fault does must not change what the next one meets: everything is tried once.
[routing]
attempts = 1
breaker = {{ failures = 0, share_percent = 0, cooldown = false }}
timeouts = {{ connect_ms = 1000, first_byte_ms = 3000, idle_ms = 3000, answer_ms = 3000, total_ms = 5000 }}

[[connections]]
name = "sim"
provider = "simulated"

[[connections]]
name = "openai"
provider = "openai"
format = "chat"
api_key = "sk-simulated"
base_url = "http://127.0.0.1:{simulator_port}/v1"

[[connections]]
name = "responses"
provider = "openai"
format = "responses"
api_key = "sk-simulated"
base_url = "http://127.0.0.1:{simulator_port}/v1"

[[connections]]
name = "anthropic"
provider = "anthropic"
api_key = "sk-ant-simulated"
base_url = "http://127.0.0.1:{simulator_port}"

[[connections]]
name = "google"
provider = "google"
api_key = "AI-simulated"
base_url = "http://127.0.0.1:{simulator_port}"

[[connections]]
name = "nobody"
provider = "openai-compatible"
base_url = "http://127.0.0.1:{closed_port}/v1"

[[models]]
name = "sim/*"
targets = [{{ connection = "sim" }}]

[[models]]
name = "openai/*"
targets = [{{ connection = "openai" }}]

[[models]]
name = "responses/*"
targets = [{{ connection = "responses" }}]

[[models]]
name = "anthropic/*"
targets = [{{ connection = "anthropic" }}]

[[models]]
name = "google/*"
targets = [{{ connection = "google" }}]

[[models]]
name = "nobody/home"
targets = [{{ connection = "nobody", model = "home" }}]

[[models]]
name = "google/gemini-3.5-flash"
aliases = ["flash"]
targets = [{{ connection = "sim", model = "echo" }}]

# As models are by default, but for the waits: what several attempts look like from outside.
[[models]]
name = "tried/one"
attempts = 3
backoff = {{ first_ms = 10 }}
targets = [{{ connection = "openai", model = "fault/overloaded:message=tried-one" }}]

[[models]]
name = "tried/two"
attempts = 3
backoff = {{ first_ms = 10 }}
targets = [
    {{ connection = "openai", model = "fault/overloaded:message=tried-two" }},
    {{ connection = "anthropic", model = "fault/server-error:message=tried-two" }},
]

[[models]]
name = "tried/chain"
attempts = 3
backoff = {{ first_ms = 10 }}
targets = [{{ connection = "openai", model = "fault/bad-gateway:message=tried-chain" }}]
fallbacks = ["tried/last"]

[[models]]
name = "tried/last"
targets = [{{ connection = "openai", model = "fault/quota:message=tried-chain" }}]

[[models]]
name = "tried/none"
targets = []

[[models]]
name = "paid/echo"
targets = [{{ connection = "openai", model = "paid-echo" }}]
price = {{ input = "1", output = "2" }}

# Less than the least that anybody may pay with.
[[teams]]
name = "poor"
credits_usd = "0.05"

[[keys]]
name = "poor"
key = "{poor_key}"
team = "poor"

[[keys]]
name = "spent"
key = "{spent_key}"
budgets = [{{ period = "daily", usd = "0.000000001" }}]

[[keys]]
name = "contract"
key = "{key}"

[[keys]]
name = "narrow"
key = "{narrow_key}"
models = ["sim/echo"]

[[keys]]
name = "expired"
key = "{expired_key}"
expires_at = 2020-01-01T00:00:00Z
"""

# The ways to the simulated provider, and its faults that end with our patience: these alone are given up soon.
WAYS = ["sim", "openai", "responses", "anthropic", "google"]
SILENT = ["delay-head", "delay-body", "stall-after", "stall-after=1", "stall-after=8", "first-token:ms=600000"]
CONFIGURATION += "".join(f"""
[[models]]
name = "{way}/fault/{fault}"
timeouts = {{{{ first_byte_ms = 500, idle_ms = 500, answer_ms = 500 }}}}
targets = [{{{{ connection = "{way}", model = "fault/{fault}" }}}}]
""" for way in WAYS for fault in SILENT)


def binary():
    """The binary under test: `TOLLGATE_BIN`, or the debug build."""
    path = pathlib.Path(os.environ.get("TOLLGATE_BIN", REPOSITORY / "target/debug/tollgate"))
    if not path.is_file():
        raise RuntimeError(f"{path} is not there: build it with `cargo build`, or name it in TOLLGATE_BIN")
    return path.resolve()


def free_ports(count):
    """Ports that nobody listens on at the moment."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def closed():
    """A socket at whose address nobody listens, and nobody will while it is kept."""
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    return bound


def address_of(bound):
    return f"http://127.0.0.1:{bound.getsockname()[1]}"


class Process:
    """One running command of the binary, with its output in a file."""

    def __init__(self, arguments, folder, name):
        self.log = folder / f"{name}.log"
        # Nothing of the caller's environment may change the settings under test.
        environment = {k: v for k, v in os.environ.items() if not k.startswith("TOLLGATE_")}
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [binary(), *arguments], cwd=folder, env=environment,
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)

    def wait_until(self, address, status=200):
        """Returns when `address` answers with `status`; raises when the process ends or time is up."""
        deadline = time.monotonic() + START_S
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"exited with {self.process.returncode}:\n{self.output()}")
            try:
                with opener.open(address, timeout=1) as answer:
                    if answer.status == status:
                        return
            except urllib.error.HTTPError as error:
                if error.code == status:
                    return
            except OSError:
                pass
            time.sleep(0.02)
        self.stop()
        raise RuntimeError(f"not ready after {START_S} s:\n{self.output()}")

    def output(self):
        return self.log.read_text(errors="replace")[-4000:]

    def stop(self):
        """Asks the process to end, and ends it if it does not; only this one."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Running:
    """A gateway with a configuration, and a simulated provider on a port of its own."""

    def __init__(self, folder, configuration, **values):
        """`values` stand in the configuration, beside `port`, `simulator_port`, `closed_port` and `folder`."""
        self.folder = folder
        for tries_left in (2, 1, 0):
            try:
                self._start(configuration, values)
                break
            except RuntimeError as problem:
                # Somebody else took a port between our look and their start.
                if "cannot listen" not in str(problem) or not tries_left:
                    raise

    def _start(self, configuration, values):
        folder = self.folder
        port, simulator_port = free_ports(2)
        self.closed = closed()
        self.nowhere = address_of(self.closed)
        self.address = f"http://127.0.0.1:{port}"
        self.simulator_address = f"http://127.0.0.1:{simulator_port}"
        written = folder / "tollgate.toml"
        written.write_text(configuration.format(
            port=port, simulator_port=simulator_port, closed_port=self.closed.getsockname()[1],
            folder=folder, **values))
        self.simulator = self.process = None
        try:
            self.simulator = Process(["simulate", "--listen", f"127.0.0.1:{simulator_port}"], folder, "simulator")
            self.simulator.wait_until(f"{self.simulator_address}/v1/models")
            self.process = Process(["serve", "--config", written], folder, "gateway")
            self.process.wait_until(f"{self.address}/health/ready")
        except BaseException:
            self.stop()
            raise

    def stop(self):
        for process in (self.process, self.simulator):
            if process is not None:
                process.stop()
        self.closed.close()


class Gateway(Running):
    """A gateway with five ways to the simulated provider: `sim`, inside, and four over a port, each in a
    format of its own."""

    def __init__(self, folder):
        super().__init__(
            folder, CONFIGURATION, key=KEY, narrow_key=NARROW_KEY, expired_key=EXPIRED_KEY,
            poor_key=POOR_KEY, spent_key=SPENT_KEY, admin_key=ADMIN_KEY)
