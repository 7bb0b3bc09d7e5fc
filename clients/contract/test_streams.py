"""A stream that breaks is an exception, and one that is only written oddly is none."""

import openai
import pytest

from client import text
from conftest import cases
from test_errors import WAYS


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", cases("broken_streams"), ids=lambda case: case["model"])
def test_a_broken_stream_raises(client, case, way):
    watched = client()
    seen = []
    with pytest.raises(openai.APIError) as caught:
        for chunk in watched.openai.chat.completions.create(
                model=f"{way}/{case['model']}", stream=True,
                messages=[{"role": "user", "content": "Tell me a story."}]):
            seen.append(chunk)
    error = caught.value
    # An error inside the stream: not one of a status, and not one of the connection.
    assert type(error) is openai.APIError, f"{type(error).__name__}: {error}"
    assert error.code == case["code"]
    assert error.type and error.message
    assert error.body["request_id"] == watched.responses[-1].headers["x-request-id"]
    assert isinstance(error.body["retryable"], bool)
    assert len(seen) >= case.get("least_chunks", 1), "what came before the fault is delivered"
    assert not any(choice.finish_reason for chunk in seen for choice in chunk.choices) or case.get("finished")
    assert len(watched.requests) == 1, "a stream that has begun is not asked for again"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("model", cases("harmless_streams"))
def test_an_oddly_written_stream_is_whole(client, model, way):
    """`model` is a fault on top of the model that `plain` names; both must say the same."""
    plain = client().chat(f"{way}/story", stream=True)
    odd = client().chat(f"{way}/{model}", stream=True)
    assert text(odd) == text(plain)
    assert [c.finish_reason for chunk in odd for c in chunk.choices][-1] == "stop"


@pytest.mark.parametrize("way", WAYS)
def test_a_long_stream_arrives_whole_and_in_order(client, way):
    watched = client()
    chunks = watched.chat(f"{way}/story-1000", stream=True)
    again = watched.chat(f"{way}/story-1000").choices[0].message.content
    assert text(chunks) == again


def test_a_stream_can_be_left(client):
    watched = client()
    stream = watched.openai.chat.completions.create(
        model="sim/story-1000", stream=True, messages=[{"role": "user", "content": "a"}])
    next(iter(stream))
    stream.close()
    # The same client, over the same pool of connections, is served as before.
    assert watched.chat("sim/echo").choices[0].message.content
