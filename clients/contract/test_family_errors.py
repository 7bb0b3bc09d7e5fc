"""Every error of every family, as the exception of every client; and no broken stream that looks whole."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from conftest import cases
from gateway import BODY_LIMIT, EXPIRED_KEY, NARROW_KEY
from speaking import Wishes
from test_families import CLIENTS, FAMILIES, FORMS, PLAIN, both_forms, every_client, every_family

RETRIED_BY_GOOGLE = cases("retried_by_google")


def check(client, error, case):
    """What holds for every error, and what the case says of this one."""
    exception, status = case[client.package]
    assert type(error) is getattr(client.errors, exception), f"{type(error).__name__}: {error}"
    headers = client.responses[-1].headers
    assert client.responses[-1].status_code == status
    assert headers["x-tollgate-error-code"] == case["code"]
    assert client.message(error), "the message is empty"
    assert client.id_of(error) == headers["x-request-id"] == headers["request-id"]
    assert headers["x-should-retry"] == ("true" if case["retryable"] else "false")
    assert ("retry-after" in headers) == ("retry-after-ms" in headers) == case["retryable"]
    again = 2 if retries(client, case, status) else 0
    assert len(client.requests) == 1 + again, f"asked {len(client.requests)} times"
    if client.package == "google":
        # It does not read how long to wait.
        assert len(client.waits) == again
    else:
        assert client.waits == [float(headers["retry-after-ms"]) / 1000] * again if again else not client.waits


def retries(client, case, status):
    """Whether this client asks again: Google's goes by the status alone, the others by what they are told."""
    return status in RETRIED_BY_GOOGLE if client.package == "google" else case["retryable"]


def forms(case):
    """Plain and streaming, or the one that the case is about."""
    return [form for form in FORMS if case.get("only", form.id) == form.id]


FAULTS = [pytest.param(case, form.values[0], id=f"{case['name']}-{form.id}")
          for case in cases("family_errors") for form in forms(case)]


@every_client
@every_family
@pytest.mark.parametrize("case, stream", FAULTS)
def test_error_of_a_provider(speaker, name, family, case, stream):
    client = speaker(name)
    with pytest.raises(client.base_error) as caught:
        client.ask(f"{family}/{case['model']}", client.question("Hello."), stream, PLAIN)
    check(client, caught.value, case)


# How each error of our own is raised: the key (`None` is the good one), the model, and the question.
WAYS_TO_RAISE = {
    "wrong key": ("sk-tg-wrong", "sim/echo", "Hello."),
    "expired key": (EXPIRED_KEY, "sim/echo", "Hello."),
    "key of another model": (NARROW_KEY, "sim/story", "Hello."),
    "unknown model": (None, "nobody/knows", "Hello."),
    "invalid request": (None, "sim/echo", "Hello."),
    "large body": (None, "sim/echo", "a" * BODY_LIMIT),
    "connection refused": (None, "nobody/home", "Hello."),
}


@every_client
@both_forms
@pytest.mark.parametrize("case", cases("family_own_errors"), ids=lambda case: case["raise"])
def test_own_error(speaker, name, case, stream):
    key, model, text = WAYS_TO_RAISE[case["raise"]]
    client = speaker(name, **({"key": key} if key else {}))
    # An answer of less than nothing is an error of whoever wants it.
    wishes = Wishes(limit=-1) if case["raise"] == "invalid request" else PLAIN
    with pytest.raises(client.base_error) as caught:
        client.ask(model, client.question(text), stream, wishes)
    check(client, caught.value, case)


def pieces(client, model):
    """What a client yields, until it raises; then the error, or `None`."""
    seen = []
    try:
        for piece in client.raw_stream(model, client.question("Tell me a story.")):
            seen.append(piece)
    except client.base_error as error:
        return seen, error
    return seen, None


@every_client
@every_family
@pytest.mark.parametrize("case", cases("family_broken_streams"), ids=lambda case: case["model"])
def test_a_broken_stream_does_not_look_whole(speaker, name, family, case):
    client = speaker(name)
    is_broken(client, f"{family}/{case['model']}", case["code"])
    assert len(client.requests) == 1, "a stream that has begun is not asked for again"


def is_broken(client, model, code):
    """Asks for a stream that breaks, and sees that the client knows."""
    seen, error = pieces(client, model)
    assert seen, "what came before the fault is delivered"
    if client.name == "responses":
        # This client raises nothing: the last event says that the response failed, and why.
        assert error is None and seen[-1].type == "response.failed"
        failed = seen[-1].response
        assert failed.status == "failed"
        assert failed.error.code == code and failed.error.message
        assert "response.completed" not in [event.type for event in seen]
    else:
        assert error is not None, "the stream ended as if it were whole"
        assert client.code(error) == code
        assert client.message(error)
    if client.name == "messages":
        assert "message_stop" not in [event.type for event in seen]


@every_client
@every_family
@pytest.mark.parametrize("model", cases("family_harmless_streams"))
def test_an_oddly_written_stream_is_whole(speaker, name, family, model):
    is_whole(speaker(name), family, model)


def is_whole(client, family, model):
    """Asks for a stream with this fault, and for the plain answer; both must say the same."""
    question = client.question("Tell me a story.")
    plain = client.ask(f"{family}/story", question, False, PLAIN)
    odd = client.ask(f"{family}/{model}", question, True, PLAIN)
    assert odd.text == plain.text
    assert odd.finish == plain.finish


@every_client
@pytest.mark.parametrize("case", cases("family_silences"), ids=lambda case: case["model"])
def test_a_silence_is_bridged_or_ends_in_an_error(speaker, name, case):
    """Longer than the pause between two signs of life, which no client may take for anything else.

    All families at once, for it takes its time.
    """
    client = speaker(name)

    def ask(family):
        if "code" in case:
            is_broken(client, f"{family}/{case['model']}", case["code"])
        else:
            is_whole(client, family, case["model"])

    with ThreadPoolExecutor(len(FAMILIES)) as pool:
        list(pool.map(ask, FAMILIES))
