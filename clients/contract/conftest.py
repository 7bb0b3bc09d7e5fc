"""One gateway for the whole run."""

import json
import pathlib
import urllib.request

import pytest

from client import Watched
from gateway import ADMIN_KEY, Gateway
from speak_anthropic import Messages
from speak_google import Gemini
from speak_openai import Chat, Completions, Responses

SPEAKERS = {each.name: each for each in (Chat, Responses, Completions, Messages, Gemini)}


@pytest.fixture(scope="session")
def gateway(tmp_path_factory):
    try:
        running = Gateway(tmp_path_factory.mktemp("gateway"))
    except RuntimeError as problem:
        pytest.exit(f"the gateway did not start: {problem}", returncode=1)
    yield running
    running.stop()


@pytest.fixture
def speaker(gateway):
    """Makes watched clients of the gateway by their names; they are closed at the end of the test."""
    open_clients = []

    def make(name, **options):
        kind = SPEAKERS.get(name, Watched)
        watched = kind(gateway.address, **options).__enter__()
        open_clients.append(watched)
        return watched

    yield make
    for watched in reversed(open_clients):
        watched.__exit__()


@pytest.fixture
def client(speaker):
    """Makes watched clients of OpenAI."""
    return lambda **options: speaker("openai", **options)


@pytest.fixture
def asked(gateway):
    """How often the provider was asked since the test began, for models that hold this text."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def received(text):
        with opener.open(f"{gateway.simulator_address}/__sim/requests", timeout=10) as answer:
            listed = json.loads(answer.read())["requests"]
        return sum(text in request["model"] for request in listed)

    before = {}

    def since(text):
        return received(text) - before.setdefault(text, received(text))

    return since


@pytest.fixture(scope="session")
def manage(gateway):
    """Calls a management address; returns the decoded answer."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def call(method, path, body=None):
        request = urllib.request.Request(
            gateway.address + path, method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"X-Admin-Key": ADMIN_KEY, "content-type": "application/json"})
        with opener.open(request, timeout=10) as answer:
            return json.loads(answer.read() or "null")

    return call


@pytest.fixture(scope="session")
def revoked_key(manage):
    """A key that was made and then revoked."""
    made = manage("POST", "/api/keys", {"name": "to be revoked"})
    manage("DELETE", f"/api/keys/{made['id']}")
    return made["key"]


def cases(table):
    """The rows of one table of cases.json."""
    return json.loads((pathlib.Path(__file__).parent / "cases.json").read_text())[table]
