"""A gateway that is told to stop: nobody is left with half an answer that looks whole."""

import openai
import pytest

from client import Watched
from gateway import Gateway


@pytest.fixture
def stopping(tmp_path):
    running = Gateway(tmp_path)
    yield running
    running.stop()


def refusal(watched):
    """Asks until the gateway refuses; it takes a moment to hear that it shall stop."""
    while True:
        try:
            watched.chat("sim/echo")
        except openai.APIError as error:
            return error


def test_an_open_stream_ends_in_an_error_and_new_calls_are_refused(stopping):
    with Watched(stopping.address) as watched, Watched(stopping.address, max_retries=0) as other:
        stream = iter(watched.openai.chat.completions.create(
            model="sim/fault/drip:ms=200", stream=True,
            messages=[{"role": "user", "content": "Take your time."}]))
        next(stream)
        stopping.process.process.terminate()
        refused = refusal(other)
        assert type(refused) is openai.InternalServerError
        assert refused.status_code == 503
        assert refused.code == "maintenance"
        assert refused.response.headers["x-should-retry"] == "true"
        with pytest.raises(openai.APIError) as ended:
            list(stream)
        assert ended.value.code == "maintenance"
        assert ended.value.body["retryable"] is True
    assert stopping.process.process.wait(10) == 0
