"""Who cannot pay is told so once: with their own retries, as they are by default, clients do not ask again."""

import pytest

from gateway import NARROW_KEY, POOR_KEY, SPENT_KEY
from speaking import Wishes

REFUSED = {
    "no credits": (POOR_KEY, 402, "insufficient_credits", "Insufficient credits"),
    "budget spent": (SPENT_KEY, 402, "budget_exceeded", "daily budget of this key"),
    "not allowed": (NARROW_KEY, 404, "model_not_found", "paid/echo"),
}


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("name", ["chat", "responses", "messages"])
@pytest.mark.parametrize("why", REFUSED)
def test_who_may_not_have_an_answer_is_told_at_the_first_attempt(speaker, asked, why, name, stream):
    key, status, code, text = REFUSED[why]
    watched = speaker(name, key=key)
    asked("paid-echo")
    with pytest.raises(watched.errors.APIStatusError) as caught:
        watched.ask("paid/echo", watched.question("Are you there?"), stream, Wishes())
    assert caught.value.status_code == status
    assert text in str(caught.value)
    assert len(watched.requests) == 1, "the client must not ask again"
    assert watched.waits == []
    headers = watched.responses[-1].headers
    assert headers["x-tollgate-error-code"] == code
    assert headers["x-should-retry"] == "false"
    assert "retry-after" not in headers
    assert asked("paid-echo") == 0, "no provider is asked"
