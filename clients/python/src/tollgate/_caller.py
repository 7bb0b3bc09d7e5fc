"""What the clients that wait and those that do not are made of."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any, TypedDict
from urllib.parse import urlsplit

import httpx

from ._exchange import LONGEST_TIMEOUT, Core
from ._stream import ChunkReader
from .breaker import CircuitBreaker
from .clock import Clock
from .metrics import APIMetrics
from .retry import RetryPolicy

#: As many calls at once as a busy program makes; those beyond wait for a place.
LIMITS = httpx.Limits(max_connections=1000, max_keepalive_connections=100)
#: The most of an answer that is read, unless the client is told otherwise.
LONGEST_ANSWER = 128 * 1024 * 1024
#: How long the end of a body is waited for behind the end of its stream, in seconds. Only then can its
#: connection be used again.
LEAVE_S = 0.25


class Habits(TypedDict, total=False):
    """How a client asks."""

    #: Whether the key is an admin key.
    admin: bool
    #: The most bytes of an answer that are read; 128 MiB if left out.
    longest_answer: int
    #: How requests are sent again.
    retry: RetryPolicy | None
    #: Another circuit breaker, which several clients may share; `None` for none.
    breaker: CircuitBreaker | bool | None
    #: Other counters, which several clients may share.
    metrics: APIMetrics | None
    #: Headers of every request.
    headers: Mapping[str, str] | None
    #: Another clock.
    clock: Clock | None


class Caller:
    """A client but for its connections."""

    def __init__(self, base_url: str, api_key: str, timeout: float | None, habits: Habits) -> None:
        breaker = habits.get("breaker", True)
        if breaker is True:
            breaker = CircuitBreaker()
        self.core = Core(
            base_url=root(base_url),
            api_key=_sendable(api_key),
            is_admin=habits.get("admin", False),
            timeout=_patience(timeout),
            longest_answer=habits.get("longest_answer", LONGEST_ANSWER),
            retry=habits.get("retry") or RetryPolicy(),
            breaker=breaker or None,
            metrics=habits.get("metrics") or APIMetrics(),
            clock=habits.get("clock") or Clock(),
            headers={name.lower(): value for name, value in (habits.get("headers") or {}).items()},
        )

    @property
    def metrics(self) -> APIMetrics:
        """What this client did until now."""
        return self.core.metrics

    @property
    def breaker(self) -> CircuitBreaker | None:
        """The circuit breaker, if there is one."""
        return self.core.breaker

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.core.base_url!r})"


class Stream:
    """A stream but for its chunks."""

    def __init__(self) -> None:
        self._reader = ChunkReader()

    @property
    def text(self) -> str:
        """The text until now."""
        return self._reader.text

    @property
    def request_id(self) -> str | None:
        """The id of the request, once the answer has begun."""
        return self._reader.request_id

    @property
    def job_id(self) -> str | None:
        """The job of which it is a call, once the answer has begun."""
        return self._reader.job_id

    @property
    def call_id(self) -> str | None:
        """The id of the job's call, once the answer has begun."""
        return self._reader.call_id


def root(base_url: str) -> str:
    """The address of the gateway, whichever of its own prefixes was given along."""
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"`{base_url}` is no address of a gateway: it has to begin with http:// or https://")
    if parts.username is not None or parts.password is not None:
        raise ValueError("the address of the gateway holds a name or a password: give the key beside it, as `api_key`")
    address = base_url.rstrip("/")
    for prefix in ("/api/v1", "/v1", "/api"):
        if address.endswith(prefix):
            return address[: -len(prefix)]
    return address


def _sendable(api_key: str) -> str:
    # The library that sends it would show it in its complaint.
    if not api_key or not api_key.isascii() or not api_key.isprintable() or " " in api_key:
        raise ValueError("the key is empty, or holds a blank, a line break or a letter that cannot stand in a header")
    return api_key


def _patience(timeout: float | None) -> float | None:
    if timeout is None:
        return None
    # Also false for what is no number.
    if not 0 < timeout < math.inf:
        raise ValueError(f"the timeout has to be seconds above 0, not {timeout!r}: leave it out for the usual times")
    return min(timeout, LONGEST_TIMEOUT)


def shown_as(ask: Callable[..., Any], returns: str | None = None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Makes a method look like the function that says what it asks: docstring and signature."""

    def decorate(method: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(ask)
        of = str(signature.return_annotation).removeprefix("Asked[").removesuffix("]")
        shown = functools.wraps(ask)(method)
        shown.__signature__ = signature.replace(return_annotation=returns or of)  # type: ignore[attr-defined]
        return shown

    return decorate
