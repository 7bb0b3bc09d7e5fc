"""The gateway's attempts and the clients' own do not multiply: what clients do by default, with their own retries."""

import pytest

from conftest import cases
from speaking import Wishes


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
