"""The official client, with a count of its requests and a note of its waits."""

import time

import openai

from gateway import KEY


class Watched:
    """A client and what it did. `requests` and `responses` are those of HTTP; `waits` are seconds."""

    def __init__(self, address, key=KEY, base="/v1", **options):
        self.requests, self.responses, self.waits = [], [], []
        http_client = openai.DefaultHttpxClient(
            event_hooks={"request": [self.requests.append], "response": [self.responses.append]},
            trust_env=False)
        self.openai = openai.OpenAI(
            base_url=address + base, api_key=key, http_client=http_client, **options)

    def __enter__(self):
        self._clock = openai._base_client.time
        openai._base_client.time = _Clock(self.waits)
        return self

    def __exit__(self, *_):
        openai._base_client.time = self._clock
        self.openai.close()

    def chat(self, model, stream=False, **more):
        """One chat call; with `stream` the whole stream is read and its chunks are returned."""
        messages = more.pop("messages", [{"role": "user", "content": "Say hello to the reader."}])
        answer = self.openai.chat.completions.create(
            model=model, messages=messages, stream=stream, **more)
        return list(answer) if stream else answer


class _Clock:
    """The module `time` as the client sees it: a wait is noted and over."""

    def __init__(self, waits):
        self._waits = waits

    def sleep(self, seconds):
        self._waits.append(seconds)

    def __getattr__(self, name):
        return getattr(time, name)


def text(chunks):
    """The text of a stream's first choice."""
    parts = [choice.delta.content or "" for chunk in chunks for choice in chunk.choices]
    return "".join(parts)
