"""Programs that retry by hand, with a base URL without `/v1`, as many are written."""

import openai
import pytest

MODEL = "google/gemini-3.5-flash"
QUESTION = [{"role": "user", "content": "Are you there?"}]


def ask_with_patience(client, model, tries=3):
    """Waits longer each time for limits and server errors; gives everything else back at once.

    Returns the answer, or the list of what stood in the way.
    """
    trail = []
    for _ in range(tries):
        try:
            return client.chat.completions.create(model=model, messages=QUESTION), trail
        except openai.RateLimitError as limit:
            trail.append(("limit", limit.status_code))
        except openai.APIError as error:
            if error.status_code < 500:
                raise
            trail.append(("server", error.status_code))
    return None, trail


@pytest.fixture
def program(client):
    """A client as such a program makes it; its own retries are off, so that the loop's count."""
    return client(base="", max_retries=0)


def test_it_gets_its_answer(program):
    answer, trail = ask_with_patience(program.openai, MODEL)
    assert answer.choices[0].message.content
    assert trail == []


def test_a_wrong_key_is_given_back_at_once(client):
    watched = client(base="", key="sk-tg-wrong")
    with pytest.raises(openai.AuthenticationError) as caught:
        ask_with_patience(watched.openai, MODEL)
    assert caught.value.status_code == 401
    assert caught.value.code == "invalid_api_key"
    assert caught.value.type == "authentication_error"
    assert len(watched.requests) == 1


def test_an_unknown_model_is_given_back_at_once(program):
    with pytest.raises(openai.NotFoundError) as caught:
        ask_with_patience(program.openai, "invalid-model")
    assert caught.value.status_code == 404
    assert caught.value.type == "not_found_error"
    assert caught.value.body["message"] == "Model not found: invalid-model"
    assert len(program.requests) == 1


def test_a_limit_is_waited_for(program):
    answer, trail = ask_with_patience(program.openai, "sim/fault/rate-limit")
    assert answer is None
    assert trail == [("limit", 429)] * 3


@pytest.mark.parametrize("fault, status", [
    ("server-error", 502), ("bad-gateway", 502), ("overloaded", 503), ("gateway-timeout", 504)])
def test_a_server_error_is_waited_for(program, fault, status):
    answer, trail = ask_with_patience(program.openai, f"sim/fault/{fault}")
    assert answer is None
    assert trail == [("server", status)] * 3


def test_models_are_listed_without_the_version_too(program):
    assert MODEL in [model.id for model in program.openai.models.list()]
