"""Every error that can be raised now, as the client's exception."""

import json
import time

import openai
import pytest

from conftest import cases
from gateway import ADMIN_KEY, BODY_LIMIT, EXPIRED_KEY, NARROW_KEY

# Two ways to the simulated provider: inside the process, and over TCP in the client's own format.
WAYS = ["sim", "openai"]


def check(watched, error, case):
    """What holds for every error, and what the case says of this one."""
    exception = getattr(openai, case["exception"])
    assert type(error) is exception, f"{type(error).__name__}: {error}"
    assert error.status_code == case["status"]
    assert error.response.headers["x-tollgate-error-code"] == case["code"]
    # Where the provider's own body passes through, so does its code.
    assert error.code == case.get("body_code", case["code"])
    assert isinstance(error.body, dict), f"no error object: {error.body!r}"
    assert error.body["message"], "the message is empty"

    headers = watched.responses[-1].headers
    assert error.request_id
    assert error.request_id == headers["x-request-id"] == headers["request-id"]
    if "body_code" not in case:
        assert error.body["request_id"] == error.request_id

    asked = case.get("asked", 1)
    assert len(watched.requests) == asked, f"asked {len(watched.requests)} times"
    retryable = case.get("retryable", asked > 1)
    assert headers["x-should-retry"] == ("true" if retryable else "false")
    assert ("retry-after" in headers) == ("retry-after-ms" in headers) == retryable
    assert watched.waits == [case.get("wait_s", 0)] * (asked - 1)


def forms(case):
    """Plain and streaming, or the one that the case is about."""
    every = {"plain": False, "stream": True}
    return [(name, every[name]) for name in every if case.get("only", name) == name]


PROVIDER_ERRORS = [
    pytest.param(case, way, stream, id=f"{case['name']}-{way}-{name}")
    for case in cases("provider_errors") for way in WAYS for name, stream in forms(case)
]


@pytest.mark.parametrize("case, way, stream", PROVIDER_ERRORS)
def test_provider_error(client, case, way, stream):
    watched = client()
    with pytest.raises(openai.APIError) as caught:
        watched.chat(f"{way}/{case['model']}", stream)
    check(watched, caught.value, case)


def raw(watched, content, **headers):
    """Posts a body as it is."""
    options = {"headers": {"content-type": "application/json", **headers}}
    watched.openai.post("/chat/completions", cast_to=object, content=content, options=options)


def post(watched, body, path="/chat/completions", **headers):
    watched.openai.post(path, cast_to=object, body=body, options={"headers": headers})


def slowly():
    """A body that does not end."""
    yield b'{"model":'
    time.sleep(2)
    yield b'"sim/echo"}'


def call(watched, **more):
    watched.chat("sim/echo", **more)


# How each error of our own is raised, by the `raise` of its case: options of the client, and
# what it does.
WAYS_TO_RAISE = {
    "no key": ({}, lambda w: call(w, extra_headers={"Authorization": openai.Omit()})),
    "wrong key": ({"key": "sk-tg-wrong"}, call),
    "key of a test deployment": ({"key": "sk-tg-test-0123456789"}, call),
    "two different keys": ({"default_headers": {"x-api-key": "sk-tg-other"}}, call),
    "expired key": ({"key": EXPIRED_KEY}, call),
    "revoked key": ({}, call),
    "key of another model": ({"key": NARROW_KEY}, lambda w: w.chat("sim/story")),
    "unknown model": ({}, lambda w: w.chat("nobody/knows")),
    "unknown model by id": ({}, lambda w: w.openai.models.retrieve("nobody/knows")),
    "pattern for a model": ({}, lambda w: w.chat("sim/*")),
    "pattern for a model by id": ({}, lambda w: w.openai.models.retrieve("sim/*")),
    "unknown url": ({"base": "/v1/v1"}, call),
    "wrong method": ({}, lambda w: w.openai.get("/chat/completions", cast_to=object)),
    "model missing": ({}, lambda w: post(w, {"messages": [{"role": "user", "content": "a"}]})),
    "messages of a wrong type": ({}, lambda w: post(w, {"model": "sim/echo", "messages": "a"})),
    "member twice": ({}, lambda w: raw(w, b'{"model":"sim/echo","model":"sim/story","messages":[]}')),
    "member twice by an escape": ({}, lambda w: raw(w, b'{"model":"sim/echo","mod\\u0065l":"b","messages":[]}')),
    "broken json": ({}, lambda w: raw(w, b'{"model":"sim/echo",')),
    "no json": ({}, lambda w: raw(w, b"model=sim/echo", **{"content-type": "text/plain"})),
    "unknown content encoding": ({}, lambda w: raw(w, b"{}", **{"content-encoding": "compress"})),
    "large body": ({}, lambda w: call(w, messages=[{"role": "user", "content": "a" * BODY_LIMIT}])),
    "slow body": ({"max_retries": 0}, lambda w: raw(w, slowly())),
    "virtual key where the admin key belongs": (
        {"base": "/api"}, lambda w: w.openai.get("/keys", cast_to=object)),
    "key that is not there": (
        {"base": "/api", "default_headers": {"X-Admin-Key": ADMIN_KEY}},
        lambda w: w.openai.get("/keys/key_missing", cast_to=object)),
    "connection refused": ({}, lambda w: w.chat("nobody/home")),
}


@pytest.mark.parametrize("case", cases("own_errors"), ids=lambda case: case["raise"])
def test_own_error(client, case, request):
    options, act = WAYS_TO_RAISE[case["raise"]]
    if case["raise"] == "revoked key":
        options = {"key": request.getfixturevalue("revoked_key")}
    watched = client(**options)
    with pytest.raises(openai.APIError) as caught:
        act(watched)
    check(watched, caught.value, case)


def test_every_code_is_raised_or_has_a_reason_not_to_be(client):
    listed = client().openai.get("/errors", cast_to=object)
    every = {row["code"] for row in listed["data"]}
    raised = {case["code"] for case in cases("provider_errors") + cases("own_errors")}
    raised |= {case["code"] for case in cases("broken_streams") + cases("attempts")}
    raised.add("maintenance")  # test_shutdown.py
    raised |= {"rate_limit_exceeded", "team_paused", "team_suspended", "idempotency_mismatch"}  # test_limits.py
    reasons = cases("not_raised")
    assert raised | set(reasons) == every
    assert not raised & set(reasons), "raised, and yet listed as not raised"


def test_the_field_at_fault_is_named(client):
    with pytest.raises(openai.BadRequestError) as caught:
        post(client(), {"model": "sim/echo", "messages": [{"content": "a"}, 7]})
    text = json.dumps(caught.value.body)
    assert "messages[0].role" in text and "messages[1]" in text, text


def test_a_request_id_of_the_client_is_kept(client):
    watched = client(default_headers={"x-request-id": "my-own-id.1"})
    with pytest.raises(openai.NotFoundError) as caught:
        watched.chat("nobody/knows")
    assert caught.value.request_id == "my-own-id.1"


def test_a_provider_that_says_how_long_to_wait_is_quoted(client):
    watched = client()
    with pytest.raises(openai.RateLimitError) as caught:
        watched.chat("sim/fault/rate-limit:retry-after=7")
    assert caught.value.response.headers["retry-after"] == "7"
    assert watched.waits == [7, 7]


def test_a_wait_too_long_to_sleep_ends_the_attempts(client):
    watched = client()
    with pytest.raises(openai.RateLimitError) as caught:
        watched.chat("sim/fault/rate-limit:retry-after=3600")
    assert len(watched.requests) == 1
    assert "retry-after" not in caught.value.response.headers
