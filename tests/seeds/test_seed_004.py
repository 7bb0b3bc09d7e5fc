"""The code of seed 004, unchanged but for its address, key and model, and every row of its tables."""

import functools
import time

import openai
import programs
import pytest
import requests
from gate import refusing
from seeded import ADMIN_KEY, KEY, Seeded

HELLO = [{"role": "user", "content": "Good morning"}]
MODEL = "google/gemini-3.5-flash"


@pytest.fixture(scope="module")
def seeded(tmp_path_factory):
    running = Seeded(tmp_path_factory.mktemp("seed-004"))
    yield running
    running.stop()


@pytest.fixture
def manage(seeded):
    """Calls a management address; returns the decoded answer."""

    def call(method, path, body=None):
        answer = requests.request(method, seeded.address + path, json=body,
                                  headers={"X-Admin-Key": ADMIN_KEY}, timeout=10)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    return call


def chat(seeded, key=KEY, model=MODEL):
    return programs.run("004", "chat_with_retry", {}, {
        "https://toprouter.cc": seeded.address, "sk-your-toprouter-key": key, MODEL: model})


@pytest.fixture
def program(seeded):
    """Makes the program of the document; its clients are closed at the end."""
    scopes = []

    def make(**how):
        scopes.append(chat(seeded, **how))
        return scopes[-1]["chat_with_retry"]

    yield make
    for scope in scopes:
        scope["client"].close()


def test_an_answer_is_given_back(program):
    answer = program()(HELLO)
    assert answer.choices[0].message.content == "Good morning"
    assert answer.object == "chat.completion"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_a_limit_is_waited_for(program, manage, waits, capsys):
    key = manage("POST", "/api/keys", {"name": "limited", "limits": {"rpm": 1}})["key"]
    ask = program(key=key)
    assert ask(HELLO)
    with pytest.raises(Exception, match=r"^Max retries exceeded$"):
        ask(HELLO)
    told = capsys.readouterr().out
    assert [f"Rate limited. Retrying in {wait}s..." in told for wait in (1, 2, 4)] == [True] * 3


def test_a_server_error_is_waited_for_and_then_there_is_an_answer(program, fault, waits, capsys):
    # The client asks three times before the program hears of it.
    fault("server-error", times=3)
    assert program()(HELLO).choices[0].message.content == "Good morning"
    assert "Server error. Retrying in 1s..." in capsys.readouterr().out


def test_anything_else_is_raised_at_once(program, waits):
    with pytest.raises(openai.AuthenticationError):
        program(key="sk-wrong")(HELLO)
    with pytest.raises(openai.NotFoundError):
        program(model="invalid-model")(HELLO)
    assert waits == []


ROOTS = ["", "/v1"]


@pytest.fixture(params=ROOTS, ids=["root", "v1"])
def ask(seeded, request):
    """Asks at the address of the seed, and at that of OpenAI."""

    return functools.partial(asked, seeded, request.param)


def asked(seeded, root="", key=KEY, body=None, header=None, path="/chat/completions"):
    headers = {"Authorization": f"Bearer {key}"} if header is None else header
    return requests.post(seeded.address + root + path, headers=headers, timeout=10,
                         json={"model": MODEL, "messages": HELLO} if body is None else body)


def error(answer):
    told = answer.json()["error"]
    return answer.status_code, told["type"], told["code"], told["message"]


def test_400_names_what_is_wrong(ask):
    status, kind, code, message = error(ask(body={"model": MODEL}))
    assert (status, kind, code) == (400, "invalid_request_error", "invalid_request")
    assert "messages" in message


def test_401_for_each_of_its_causes(ask, manage):
    made = manage("POST", "/api/keys", {"name": "inactive"})
    manage("DELETE", f"/api/keys/{made['id']}")
    printed = (401, "authentication_error", "invalid_api_key", "Invalid API key provided")
    assert error(ask(key="sk-wrong")) == printed
    assert error(ask(key=made["key"])) == printed
    for header in [{"Authorization": f"Bearer {KEY} x"}, {"Authorization": KEY},
                   {"Authorization": f"Basic {KEY}"}]:
        status, kind, code, message = error(ask(header=header))
        assert (status, kind, code) == printed[:3]
        assert message.startswith("Invalid API key provided")
    assert error(ask(header={}))[:3] == (401, "authentication_error", "missing_api_key")


def test_402_where_the_credits_are_spent(ask, manage):
    name = f"poor-{time.time_ns()}"
    manage("POST", "/api/teams", {"id": name, "name": name, "organization": "default"})
    manage("POST", f"/api/credits/teams/{name}/add", {"amount_usd": "0.000001"})
    key = manage("POST", "/api/keys", {"name": name, "team": name})["key"]
    answer = ask(key=key)
    assert error(answer) == (402, "billing_error", "insufficient_credits", "Insufficient credits")
    assert answer.headers["x-should-retry"] == "false"
    manage("POST", f"/api/credits/teams/{name}/add", {"amount_usd": "5"})
    assert ask(key=key).status_code == 200


def test_403_where_the_key_may_not(ask, manage):
    key = manage("POST", "/api/keys", {"name": "reader", "permissions": ["read"]})["key"]
    assert error(ask(key=key))[:3] == (403, "permission_error", "permission_denied")


def test_404_for_a_model_and_for_an_address(ask):
    assert error(ask(body={"model": "invalid-model", "messages": HELLO})) == (
        404, "not_found_error", "model_not_found", "Model not found: invalid-model")
    assert error(ask(path="/chat/completion"))[:3] == (404, "not_found_error", "unknown_url")


def test_429_where_a_limit_is_reached(ask, manage):
    key = manage("POST", "/api/keys", {"name": "limited", "limits": {"rpm": 1, "tpm": 100000}})["key"]
    good = ask(key=key)
    for kind, limit in [("requests", "1"), ("tokens", "100000")]:
        assert good.headers[f"x-ratelimit-limit-{kind}"] == limit
        # Tokens come back a thousand a second.
        assert 0 <= int(good.headers[f"x-ratelimit-remaining-{kind}"]) <= int(limit)
        assert good.headers[f"x-ratelimit-reset-{kind}"].endswith("s")
    answer = ask(key=key)
    assert error(answer) == (429, "rate_limit_error", "rate_limit_exceeded", "Rate limit exceeded")
    assert answer.headers["x-ratelimit-remaining-requests"] == "0"
    assert 1 <= int(answer.headers["retry-after"]) <= 60


def test_500_where_the_database_takes_nothing(tmp_path, waits, capsys):
    # One of its own: it takes a while to trust its database again.
    seeded = Seeded(tmp_path)
    scope = chat(seeded)
    try:
        with refusing(seeded, "pages"):
            answer = asked(seeded)
            assert error(answer)[:3] == (500, "api_error", "database_error")
            assert answer.headers["x-should-retry"] == "true"
            with pytest.raises(Exception, match=r"^Max retries exceeded$"):
                scope["chat_with_retry"](HELLO)
        until = time.monotonic() + 30
        while asked(seeded).status_code != 200:
            assert time.monotonic() < until, "it does not heal"
    finally:
        scope["client"].close()
        seeded.stop()
    told = capsys.readouterr().out
    assert [f"Server error. Retrying in {wait}s..." in told for wait in (1, 2, 4)] == [True] * 3


@pytest.mark.parametrize(("cause", "status"), [("server-error", 502), ("bad-gateway", 502), ("overloaded", 503)])
def test_502_and_503_are_the_providers_doing(ask, fault, cause, status):
    fault(cause)
    answer = ask()
    assert answer.status_code == status
    assert answer.json()["error"]["message"]
    assert answer.headers["x-should-retry"] == "true"


def test_models_are_listed_with_prices_and_context_windows(seeded):
    for root in ROOTS:
        answer = requests.get(f"{seeded.address}{root}/models", timeout=10,
                              headers={"Authorization": f"Bearer {KEY}"})
        [model] = answer.json()["data"]
        assert model["id"] == MODEL
        assert model["context_window"] == 1048576
        assert model["pricing"]["input"] == "0.3"
        assert model["pricing"]["output"] == "2.5"
        assert model["pricing"]["unit"] == "usd_per_million_tokens"
