"""One request from the first attempt to its end, without the waiting: what the clients that wait
and those that do not have in common."""

from __future__ import annotations

import json
import logging
import uuid
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import httpx

from . import _failures
from .breaker import CircuitBreaker
from .clock import Clock
from .errors import APIConnectionError, APIError, APITimeoutError, InvalidResponseError
from .metrics import APIMetrics
from .retry import RetryPolicy

VERSION = "0.1.0"
logger = logging.getLogger("tollgate")


@dataclass(frozen=True)
class Asked:
    """What is asked of the gateway."""

    method: str
    path: str
    #: The path without ids: what metrics and logs call it.
    endpoint: str
    timeout: float
    body: Any = None
    is_stream: bool = False
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Core:
    """What all requests of a client share."""

    base_url: str
    api_key: str
    retry: RetryPolicy
    breaker: CircuitBreaker | None
    metrics: APIMetrics
    clock: Clock
    headers: dict[str, str]

    def url(self, path: str) -> str:
        """The address of a path."""
        return self.base_url + path

    def begin(self, asked: Asked) -> Exchange:
        """Begins a request; raises `CircuitOpenError` while nothing may be sent."""
        return Exchange(self, asked)


def root(base_url: str) -> str:
    """The address of the gateway, whichever of its own prefixes was given along."""
    address = base_url.rstrip("/")
    for prefix in ("/api/v1", "/v1", "/api"):
        if address.endswith(prefix):
            return address[: -len(prefix)]
    return address


class Exchange:
    """A request with all its attempts. Used as a context it notes how it went."""

    def __init__(self, core: Core, asked: Asked) -> None:
        self.core, self.asked = core, asked
        self.id = f"cli_{uuid.uuid4().hex}"
        self.attempt = 0
        self.timeout = asked.timeout
        self._idempotency_key = str(uuid.uuid4())
        self._begin = core.clock.monotonic()
        self._pass = core.breaker.admit(self._begin) if core.breaker else None

    def __enter__(self) -> Exchange:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.settle(error)

    def settle(self, error: BaseException | None) -> None:
        """Notes how the request went."""
        # A reader that had enough of a stream did not fail.
        if isinstance(error, GeneratorExit):
            error = None
        clock = self.core.clock.monotonic
        if self._pass is not None:
            self._pass.settle(error, clock)
        latency_ms = (clock() - self._begin) * 1000
        self.core.metrics.record_request(self.asked.endpoint, latency_ms, error is None)
        if isinstance(error, APIError):
            error.attempts = self.attempt
            self._log(logging.ERROR, "failed", error, latency_ms=latency_ms)
        elif error is None:
            self._log(logging.INFO, "done", None, latency_ms=latency_ms)

    @property
    def request_id(self) -> str:
        """The id of the attempt that runs."""
        return self.id if self.attempt < 2 else f"{self.id}.{self.attempt}"

    def request(self) -> dict[str, Any]:
        """What the next attempt sends, as the arguments of `httpx`."""
        self.attempt += 1
        asked = self.asked
        headers = {
            **self.core.headers,
            "authorization": f"Bearer {self.core.api_key}",
            "accept": "text/event-stream" if asked.is_stream else "application/json",
            "user-agent": f"tollgate-python/{VERSION}",
            "x-request-id": self.request_id,
        }
        if asked.is_stream:
            # Compression would hold back what is there.
            headers["accept-encoding"] = "identity"
        else:
            # Whoever is told how long the caller waits can answer before it has gone.
            headers["x-tollgate-timeout-ms"] = str(max(1, int(self.timeout * 1000)))
        content = None
        if asked.body is not None:
            content = json.dumps(asked.body).encode()
            headers["content-type"] = "application/json"
        if asked.method == "POST":
            headers["idempotency-key"] = self._idempotency_key
        headers.update(asked.headers)
        self._log(logging.DEBUG, "sent", None)
        return {
            "method": asked.method,
            "url": self.core.url(asked.path),
            "params": asked.query or None,
            "headers": headers,
            "content": content,
            "timeout": httpx.Timeout(self.timeout),
        }

    def refused(self, response: httpx.Response, body: bytes) -> APIError:
        """The exception for an answer with an error status."""
        error = _failures.of_response(response, body, self.core.clock.wall())
        error.request_id = error.request_id or self.request_id
        return error

    def timed_out(self) -> APIError:
        """The exception for an attempt that took too long."""
        return APITimeoutError(
            f"Request timed out after {self.timeout:g} s",
            code="client_timeout",
            retryable=True,
            request_id=self.request_id,
        )

    def broken(self, cause: Exception) -> APIError:
        """The exception for an attempt without an answer."""
        error = APIConnectionError(
            f"Connection error: {cause or type(cause).__name__}",
            code="connection_error",
            retryable=True,
            request_id=self.request_id,
        )
        error.__cause__ = cause
        return error

    def unreadable(self, response: httpx.Response) -> APIError:
        """The exception for a success that is none."""
        return InvalidResponseError(
            "the gateway's answer cannot be read",
            code="invalid_response",
            status=response.status_code,
            request_id=response.headers.get("x-request-id") or self.request_id,
            response=response,
        )

    def wait(self, error: APIError) -> float:
        """How many seconds to wait before the next attempt; raises the error to give up."""
        wait = self.core.retry.wait(error, self.attempt, self.core.clock.random())
        if wait is None:
            raise error
        if isinstance(error, APITimeoutError):
            self.timeout *= self.core.retry.more_time
        self.core.metrics.record_retry(self.asked.endpoint)
        self._log(logging.WARNING, "retrying", error, wait_s=wait)
        return wait

    def _log(self, level: int, what: str, error: APIError | None, **more: Any) -> None:
        if not logger.isEnabledFor(level):
            return
        asked, request_id = self.asked, self.request_id
        fields = {"request_id": request_id, "endpoint": asked.endpoint, "attempt": self.attempt, **more}
        text = f"Request {request_id}: {asked.endpoint} {what}"
        if error is not None:
            fields |= {"code": error.code, "status_code": error.status, "detail": error.message}
            fields["request_id"] = error.request_id or request_id
            text = f"{text}: {type(error).__name__} (status={error.status}, code={error.code})"
        logger.log(level, text, extra=fields)
