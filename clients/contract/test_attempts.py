"""The gateway's attempts and the clients' own do not multiply: what clients do by default, with their own retries."""

import json
import urllib.request

import pytest

from conftest import cases
from speaking import Wishes


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


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("name", ["chat", "responses", "messages"])
@pytest.mark.parametrize("case", cases("attempts"), ids=lambda case: case["name"])
def test_a_failure_after_several_attempts_is_asked_for_once(speaker, asked, case, name, stream):
    watched = speaker(name)
    text = case["model"].replace("/", "-")
    asked(text)
    with pytest.raises(watched.errors.APIStatusError) as caught:
        watched.ask(case["model"], watched.question("Are you there?"), stream, Wishes())
    # Anthropic has a status of its own for what passes.
    assert caught.value.status_code == (529 if name == "messages" and case["attempts"] else 503)
    assert len(watched.requests) == 1, "the client must not ask again"
    assert watched.waits == []
    headers = watched.responses[-1].headers
    assert headers["x-tollgate-error-code"] == case["code"]
    assert headers["x-should-retry"] == "false"
    assert "retry-after" not in headers
    assert asked(text) == case["attempts"]
