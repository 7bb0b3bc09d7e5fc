"""Limits and statuses of our own, and repeats: what the clients do about them by themselves."""

import time

import openai
import pytest

from client import text
from speaking import Wishes

NAMES = ["chat", "responses", "completions", "messages"]


@pytest.fixture(scope="module")
def team(manage):
    """Makes a team with these settings and a key of it; returns the id of the team and the key."""
    count = 0

    def make(**settings):
        nonlocal count
        count += 1
        team = manage("POST", "/api/teams", {"name": f"limited {count}", "id": f"limited-{count}", **settings})
        key = manage("POST", "/api/keys", {"name": "limited", "team": team["id"]})
        return team["id"], key["key"]

    return make


class Waiting(list):
    """The waits of a client, which are waited here, too: what is told of limits must be true."""

    def append(self, seconds):
        time.sleep(seconds)
        super().append(seconds)


def waiting(watched):
    """Lets a client wait as long as it means to."""
    watched.waits = Waiting()
    watched.sleeper.time._waits = watched.waits
    return watched


def ask(watched, stream=False):
    return watched.ask("sim/echo", watched.question("Are you there?"), stream, Wishes(limit=20))


def ask_until_limited(watched, stream):
    """Asks until one try was refused by a limit and the next one let in; gives the refusals."""
    for _ in range(20):
        assert ask(watched, stream).text, "what came after the wait was let in"
        limited = [answer for answer in watched.responses if answer.status_code == 429]
        if limited:
            break
    assert len(limited) == 1
    return limited


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("name", NAMES)
def test_a_limit_is_waited_for_as_long_as_it_says_and_no_longer(speaker, team, name, stream):
    # One at once, and then one a second.
    _, key = team(limits={"rpm": 60, "burst": 1})
    watched = waiting(speaker(name, key=key, max_retries=1))
    limited = ask_until_limited(watched, stream)
    headers = limited[0].headers
    assert headers["x-tollgate-error-code"] == "rate_limit_exceeded"
    assert headers["x-should-retry"] == "true"
    told = int(headers["retry-after-ms"]) / 1000
    assert 0 < told <= 1
    # The clients wait as they are told, by the milliseconds.
    assert watched.waits[:1] == [pytest.approx(told)]


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_googles_client_is_told_the_same(speaker, team, stream):
    _, key = team(limits={"rpm": 60, "burst": 1})
    watched = waiting(speaker("gemini", key=key))
    # It waits by its own rule, a second and more, and succeeds by the second try.
    limited = ask_until_limited(watched, stream)
    assert limited[0].headers["x-tollgate-error-code"] == "rate_limit_exceeded"


@pytest.mark.parametrize("deed, code", [("pause", "team_paused"), ("suspend", "team_suspended")])
@pytest.mark.parametrize("name", NAMES)
def test_a_team_that_is_stopped_is_refused_at_once(speaker, team, manage, name, deed, code):
    team_id, key = team()
    watched = speaker(name, key=key)
    assert ask(watched).text
    manage("POST", f"/api/teams/{team_id}/{deed}")
    with pytest.raises(watched.errors.PermissionDeniedError) as caught:
        ask(watched)
    assert caught.value.status_code == 403
    assert watched.responses[-1].headers["x-tollgate-error-code"] == code
    assert len(watched.requests) == 2
    assert watched.waits == []
    manage("POST", f"/api/teams/{team_id}/resume")
    assert ask(watched).text


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_an_idempotency_key_gives_the_same_answer_again(client, team, stream):
    _, key = team()
    watched = client(key=key)

    def chat(content, name):
        return watched.chat(
            "sim/echo", stream, messages=[{"role": "user", "content": content}],
            extra_headers={"Idempotency-Key": name})

    first, again = chat("once", f"one-{stream}"), chat("once", f"one-{stream}")
    assert first == again
    if stream:
        assert "once" in text(first)
    assert watched.responses[-1].headers["idempotent-replayed"] == "true"
    with pytest.raises(openai.UnprocessableEntityError) as caught:
        chat("other", f"one-{stream}")
    assert caught.value.code == "idempotency_mismatch"
    assert len(watched.requests) == 3
