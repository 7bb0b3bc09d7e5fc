"""One gateway for the whole run, clocks that stand, and a record of the ways that the programs went."""

import time

import coverage
import programs
import pytest
import requests
from gate import Gate

#: The documents' programs wait 30 s for an answer; here they wait a hundredth of that.
SCALE = 100


@pytest.fixture(scope="session")
def gate(tmp_path_factory):
    running = Gate(tmp_path_factory.mktemp("gate"))
    yield running
    running.stop()


@pytest.fixture
def waits(monkeypatch):
    """What the programs waited; they did not."""
    waited = []
    monkeypatch.setattr(time, "sleep", waited.append)
    return waited


@pytest.fixture
def impatient(monkeypatch):
    """Makes the programs' timeouts shorter."""
    request = requests.Session.request

    def hurried(self, method, url, **more):
        if more.get("timeout") is not None:
            more["timeout"] /= SCALE
        return request(self, method, url, **more)

    monkeypatch.setattr(requests.Session, "request", hurried)


@pytest.fixture
def fault(seeded):
    """From now on the provider has this fault, so many times."""
    address = f"{seeded.simulator_address}/__sim/script"

    def script(name, times=1):
        requests.post(address, json={"fault": name, "times": times}, timeout=10).raise_for_status()

    yield script
    requests.delete(address, timeout=10)


# --- the ways that the programs went ---------------------------------------------------------------


def pytest_addoption(parser):
    parser.addoption(
        "--branches",
        action="store_true",
        help="tell which test takes each branch of each program, and fail where none does",
    )


class Ways:
    """Which lines of the programs each test passed."""

    def __init__(self):
        folders = [str(programs.FOLDER / seed / "*") for seed in programs.SEEDS]
        self.coverage = coverage.Coverage(data_file=None, config_file=False, branch=True, include=folders)
        self.coverage.set_option("run:disable_warnings", ["no-data-collected"])
        # The one that tells tests apart.
        self.coverage.set_option("run:core", "ctrace")

    def taken(self):
        """Each branch with the tests that took it, and the lines that none passed."""
        data = self.coverage.get_data()
        tests = sorted(data.measured_contexts() - {""})
        rows, missed = [], []
        for seed in programs.SEEDS:
            for name in programs.names(seed):
                path = str(programs.path(seed, name))
                passed = []
                for test in tests:
                    data.set_query_context(test)
                    passed.append((test, set(data.lines(path) or ()), data.arcs(path) or ()))
                data.set_query_contexts(None)
                for branch in programs.branches(seed, name):
                    rows.append((branch, [test for test, lines, arcs in passed if branch.is_taken(lines, arcs)]))
                _, _, _, lines, _ = self.coverage.analysis2(path)
                missed.extend(f"{seed}/{name}.py:{line}" for line in lines)
        return rows, missed


def pytest_configure(config):
    config.ways = None
    if config.getoption("--branches"):
        config.ways = Ways()
        config.ways.coverage.start()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    if item.config.ways is not None:
        item.config.ways.coverage.switch_context(item.nodeid)
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session, exitstatus):
    ways = session.config.ways
    if ways is not None:
        ways.coverage.stop()
        session.config.taken = ways.taken()
        rows, missed = session.config.taken
        if exitstatus == pytest.ExitCode.OK and (missed or not all(tests for _, tests in rows)):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
    return (yield)


def pytest_terminal_summary(terminalreporter, config):
    if config.ways is None:
        return
    rows, missed = config.taken
    terminalreporter.section("the programs of the seeds, branch by branch")
    for branch, tests in rows:
        by = tests[0] if tests else "NO TEST TAKES IT"
        more = f" (+{len(tests) - 1})" if len(tests) > 1 else ""
        terminalreporter.line(f"{branch}  <-  {by}{more}", red=not tests)
    for line in missed:
        terminalreporter.line(f"{line}  NO TEST PASSES IT", red=True)
    without = sum(not tests for _, tests in rows)
    terminalreporter.line(f"{len(rows)} branches, {without} that no test takes; {len(missed)} lines that none passes")
