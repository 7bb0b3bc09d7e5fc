"""The official clients, with a count of their requests and a note of their waits."""

import ssl
import time

import anthropic
import httpx2
import openai
import tenacity
from google import genai
from google.genai import types

from gateway import KEY

# Nothing here is encrypted, but a client reads the certificates of the system when it is made; once is enough.
CERTIFICATES = ssl.create_default_context()


class Watch:
    """A client and what it did. `requests` and `responses` are those of HTTP; `waits` are seconds.

    `sleeper` is the module of the package that waits between two tries.
    """

    sleeper = None

    def __init__(self):
        self.requests, self.responses, self.waits = [], [], []

    def transport(self):
        """What a client of HTTP is made with."""
        hooks = {"request": [self.requests.append], "response": [self.responses.append]}
        return {"event_hooks": hooks, "trust_env": False, "verify": CERTIFICATES}

    def __enter__(self):
        self._clock = self.sleeper.time
        self.sleeper.time = _Clock(self.waits)
        return self

    def __exit__(self, *_):
        self.sleeper.time = self._clock
        self.close()

    def close(self):
        raise NotImplementedError


class Watched(Watch):
    """The client of OpenAI."""

    sleeper = openai._base_client

    def __init__(self, address, key=KEY, base="/v1", **options):
        super().__init__()
        self.openai = openai.OpenAI(
            base_url=address + base, api_key=key, http_client=openai.DefaultHttpxClient(**self.transport()),
            **options)

    def close(self):
        self.openai.close()

    def chat(self, model, stream=False, **more):
        """One chat call; with `stream` the whole stream is read and its chunks are returned."""
        messages = more.pop("messages", [{"role": "user", "content": "Say hello to the reader."}])
        answer = self.openai.chat.completions.create(
            model=model, messages=messages, stream=stream, **more)
        return list(answer) if stream else answer


class WatchedAnthropic(Watch):
    """The client of Anthropic. Its address has no `/v1`."""

    sleeper = anthropic._base_client

    def __init__(self, address, key=KEY, **options):
        super().__init__()
        options.setdefault("api_key", key)
        self.anthropic = anthropic.Anthropic(
            base_url=address, http_client=anthropic.DefaultHttpxClient(**self.transport()), **options)

    def close(self):
        self.anthropic.close()


class WatchedGoogle(Watch):
    """The client of Google. It asks again only when it is told to."""

    sleeper = tenacity.nap

    def __init__(self, address, key=KEY, version=None, tries=3, **headers):
        super().__init__()
        self._http = httpx2.Client(**self.transport())
        self.google = genai.Client(api_key=key, vertexai=False, http_options=types.HttpOptions(
            base_url=address, api_version=version, headers=headers or None,
            httpx_client=self._http,
            # Not used here. It would make one that reads the certificates.
            httpx_async_client=httpx2.AsyncClient(trust_env=False, verify=CERTIFICATES),
            retry_options=types.HttpRetryOptions(attempts=tries)))

    def close(self):
        self.google.close()
        # What it was given, it leaves open.
        self._http.close()


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
