"""One gateway for the whole run, and clocks that stand."""

import time

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
