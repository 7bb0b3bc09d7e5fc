"""The code of seed 000, unchanged but for its address and key, against a gateway."""

import logging

import programs
import pytest
import requests
from seeded import ADMIN_KEY, Seeded

HELLO = [{"role": "user", "content": "Good morning"}]
PRINTED_ADDRESS = "https://api.example.com/v1/chat"


@pytest.fixture
def seeded(tmp_path):
    """One for each test, so that each has all that an address may ask for at once."""
    running = Seeded(tmp_path)
    yield running
    running.stop()


@pytest.fixture
def key(seeded):
    """A key that was made just now."""
    made = requests.post(f"{seeded.address}/api/keys", json={"name": "one"},
                         headers={"X-Admin-Key": ADMIN_KEY}, timeout=10)
    return made.json()["key"]


def chat(address, path="/v1/chat"):
    scope = programs.run("000", "chat_with_retry", {}, {PRINTED_ADDRESS: address + path})
    return scope["chat_with_retry"]


@pytest.mark.parametrize("path", ["/v1/chat", "/api/v1/chat"])
def test_an_answer_is_given_back(seeded, key, path):
    answer = chat(seeded.address, path)(HELLO, key)
    assert set(answer) == {"id", "provider", "content", "usage"}
    assert answer["content"] == "Good morning"
    assert set(answer["usage"]) == {"prompt_tokens", "completion_tokens", "total_tokens"}


def test_a_limit_is_waited_for_and_then_there_is_an_answer(seeded, key, capsys):
    ask = chat(seeded.address)
    said = ""
    # As many as it takes: meanwhile some are let in anew.
    for _ in range(50):
        assert ask(HELLO, key)
        said += capsys.readouterr().out
        if "Rate limited" in said:
            break
    assert "Rate limited. Waiting 1s..." in said


def test_a_wrong_key_is_given_up(seeded, capsys):
    assert chat(seeded.address)(HELLO, "sk-gateway-123") is None
    assert "Authentication failed. Check your API key." in capsys.readouterr().out


def test_a_server_error_is_retried(seeded, key, fault, waits, capsys):
    fault("server-error", times=2)
    assert chat(seeded.address)(HELLO, key)["content"] == "Good morning"
    assert "Server error. Retrying in 2s..." in capsys.readouterr().out
    assert waits == [1, 2]


def test_after_the_last_try_it_gives_up(seeded, key, fault, waits, capsys):
    fault("overloaded", times=3)
    assert chat(seeded.address)(HELLO, key) is None
    assert "Max retries exceeded" in capsys.readouterr().out
    assert waits == [1, 2, 4]


def test_anything_else_is_unexpected(seeded, key, capsys):
    assert chat(seeded.address)([], key) is None
    assert "Unexpected error: 422" in capsys.readouterr().out


def test_nobody_at_home_is_a_request_that_failed(seeded, key, waits, capsys):
    assert chat(seeded.nowhere)(HELLO, key) is None
    assert capsys.readouterr().out.count("Request failed: ") == 3
    assert waits == [1, 2, 4]


class AuthenticationError(Exception):
    pass


class RateLimitError(Exception):
    pass


class ServerError(Exception):
    pass


def validate(seeded, key, messages=HELLO):
    """The second block, with what the document leaves undefined."""
    return programs.run("000", "error_validation", {
        "requests": requests, "logger": logging.getLogger("seed"),
        "url": f"{seeded.address}/v1/chat", "headers": {"X-API-Key": key}, "payload": {"messages": messages},
        "AuthenticationError": AuthenticationError, "RateLimitError": RateLimitError, "ServerError": ServerError})


def test_a_good_answer_is_no_error(seeded, key):
    assert validate(seeded, key)["response"].ok


def test_each_error_is_raised_by_its_class_with_the_printed_text(seeded, key, fault, caplog):
    with pytest.raises(AuthenticationError, match=r"^Invalid or missing API Key$"):
        validate(seeded, "sk-gateway-123")
    fault("server-error")
    with pytest.raises(ServerError, match=r"^Internal server error occurred while processing your request$"):
        validate(seeded, key)
    with pytest.raises(RateLimitError, match=r"^Too many requests. Please wait before trying again.$"):
        for _ in range(50):
            validate(seeded, key)
    assert "API Error 429: Too many requests. Please wait before trying again." in caplog.text


def test_an_error_of_another_kind_is_logged_and_goes_on(seeded, key, caplog):
    scope = validate(seeded, key, messages=[])
    assert scope["response"].status_code == 422
    assert "API Error 422" in caplog.text


class HTTPException(Exception):
    def __init__(self, status_code, detail):
        super().__init__(detail)
        self.status_code, self.detail = status_code, detail


def ask(seeded, key):
    return requests.post(f"{seeded.address}/v1/chat", headers={"X-API-Key": key}, json={"messages": HELLO}, timeout=10)


def test_the_servers_own_checks_raise_what_the_gateway_answers(seeded, key):
    with pytest.raises(HTTPException) as refused:
        programs.run("000", "authentication_check",
                     {"api_key": "sk-1", "valid_keys": [key], "HTTPException": HTTPException})
    answer = ask(seeded, "sk-1")
    assert (answer.status_code, answer.json()) == (refused.value.status_code, {"detail": refused.value.detail})

    programs.run("000", "authentication_check",
                 {"api_key": key, "valid_keys": [key], "HTTPException": HTTPException})
    assert ask(seeded, key).ok

    class Limiter:
        """The server's, asked by what the gateway says of its own."""

        def allow(self, key):
            self.answer = ask(seeded, key)
            return self.answer.ok

    class Counter:
        count = 0

        def inc(self):
            self.count += 1

    limiter, blocked = Limiter(), Counter()
    before = metric(seeded, "rate_limit_blocked_total")
    with pytest.raises(HTTPException) as refused:
        for _ in range(6):
            programs.run("000", "rate_limit_check", {
                "rate_limiter": limiter, "key": key, "RATE_LIMIT_BLOCKED": blocked, "HTTPException": HTTPException})
    answer = limiter.answer
    assert (answer.status_code, answer.json()) == (refused.value.status_code, {"detail": refused.value.detail})
    assert metric(seeded, "rate_limit_blocked_total") - before == blocked.count == 1


def metric(seeded, name):
    text = requests.get(f"{seeded.address}/api/v1/metrics", timeout=10).text
    return int(next(line.split()[1] for line in text.splitlines() if line.startswith(name + " ")))
