"""One request from the first attempt to its end, without the waiting and without the network: what the
clients that wait and those that do not have in common."""

from __future__ import annotations

import contextlib
import json
import logging
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import httpx
from pydantic import ValidationError as Mismatch

from . import _failures
from ._ask import Asked
from .breaker import CircuitBreaker
from .clock import Clock
from .errors import APIConnectionError, APIError, APITimeoutError, InvalidResponseError
from .metrics import APIMetrics
from .retry import RetryPolicy

VERSION = "0.1.0"
#: The most of an error's body that is read.
LONGEST_ERROR = 1024 * 1024
#: The longest that the gateway waits for an answer, in seconds; it refuses requests that name more.
LONGEST_TIMEOUT = 24 * 60 * 60
logger = logging.getLogger("tollgate")


@dataclass(frozen=True)
class Core:
    """What all requests of a client share."""

    base_url: str
    api_key: str = field(repr=False)
    #: Which header carries the key.
    is_admin: bool
    timeout: float | None
    longest_answer: int
    retry: RetryPolicy
    breaker: CircuitBreaker | None
    metrics: APIMetrics
    clock: Clock
    headers: dict[str, str] = field(repr=False)

    def begin(self, asked: Asked[Any]) -> Exchange:
        """Begins a request; raises `CircuitOpenError` while nothing may be sent."""
        return Exchange(self, asked)


class Exchange:
    """A request with all its attempts. Used as a context it notes how it went."""

    def __init__(self, core: Core, asked: Asked[Any]) -> None:
        self.core, self.asked = core, asked
        self.id = f"cli_{uuid.uuid4().hex}"
        self.attempt = 0
        self.timeout = asked.timeout if core.timeout is None else core.timeout
        self._idempotency_key = str(uuid.uuid4())
        self._begin = core.clock.monotonic()
        self._pass = core.breaker.admit(self._begin) if core.breaker else None

    def __enter__(self) -> Exchange:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
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
        core, asked = self.core, self.asked
        key = {"x-admin-key": core.api_key} if core.is_admin else {"authorization": f"Bearer {core.api_key}"}
        headers = {
            **core.headers,
            **key,
            "accept": "text/event-stream" if asked.is_stream else "application/json",
            # Compression would hold back what is there, and hide how long it is.
            "accept-encoding": "identity",
            "user-agent": f"tollgate-python/{VERSION}",
            "x-request-id": self.request_id,
        }
        if not asked.is_stream:
            # Whoever is told how long the caller waits can answer before it has gone.
            headers["x-tollgate-timeout-ms"] = str(max(1, round(min(self.timeout, LONGEST_TIMEOUT) * 1000)))
        content = None
        if asked.body is not None:
            content = json.dumps(asked.body).encode()
            headers["content-type"] = "application/json"
        if asked.method == "POST":
            headers["idempotency-key"] = self._idempotency_key
        self._log(logging.DEBUG, "sent", None)
        return {
            "method": asked.method,
            "url": core.base_url + asked.path,
            # Their form in tracebacks does not show the key, as a plain dictionary would.
            "headers": httpx.Headers(headers),
            "content": content,
            "timeout": httpx.Timeout(self.timeout),
        }

    @contextlib.contextmanager
    def attempted(self) -> Iterator[Received]:
        """Gives the place for what one attempt brings, and keeps what goes wrong meanwhile."""
        received = Received(self)
        try:
            yield received
        except (httpx.TimeoutException, TimeoutError) as cause:
            received.trouble = self._timed_out()
            received.trouble.__cause__ = cause
        except httpx.HTTPError as cause:
            received.trouble = self._broken(cause)
            received.trouble.__cause__ = cause

    def begins(self) -> None:
        """Notes that the answer of a stream has begun, which may take long."""
        if self._pass is not None:
            self._pass.answered(self.core.clock.monotonic)

    def wait(self, error: APIError) -> float:
        """How many seconds to wait before the next attempt; raises the error to give up."""
        wait = self.core.retry.wait(error, self.attempt, self.core.clock.random())
        if wait is None:
            raise error
        if isinstance(error, APITimeoutError):
            longer = self.timeout * self.core.retry.more_time
            # A factor that makes no time of it leaves it as it is.
            if longer > 0:
                self.timeout = min(longer, LONGEST_TIMEOUT)
        self.core.metrics.record_retry(self.asked.endpoint)
        self._log(logging.WARNING, "retrying", error, wait_s=wait)
        return wait

    def _timed_out(self) -> APIError:
        return APITimeoutError(
            f"Request timed out after {self.timeout:g} s",
            code="client_timeout",
            retryable=True,
            request_id=self.request_id,
        )

    def _broken(self, cause: Exception) -> APIError:
        return APIConnectionError(
            f"Connection error: {cause or type(cause).__name__}",
            code="connection_error",
            retryable=True,
            request_id=self.request_id,
        )

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


class Received:
    """What one attempt brought until now."""

    def __init__(self, exchange: Exchange) -> None:
        self.trouble: APIError | None = None
        self._exchange = exchange
        self._status: int | None = None
        self._headers = httpx.Headers()
        self._body = bytearray()
        self._longest = LONGEST_ERROR

    def begins(self, response: httpx.Response) -> bool:
        """Notes the head of the answer. Returns whether it is a success."""
        self._status, self._headers = response.status_code, response.headers
        if response.is_success:
            self._longest = self._exchange.core.longest_answer
        return response.is_success

    def takes(self, piece: bytes) -> bool:
        """Adds a piece of the body. Returns whether more is wanted."""
        self._body += piece
        return len(self._body) <= self._longest

    def whole(self) -> Any:
        """The answer in its form; raises what it says, or what went wrong."""
        status = self._status
        if status is not None and not 200 <= status < 300:
            # The status counts, even where the body broke off.
            return self._refuse(status)
        if self.trouble is not None:
            raise self.trouble
        if len(self._body) > self._longest:
            raise self._unreadable(f"the gateway's answer is longer than {self._longest} bytes")
        try:
            return self._exchange.asked.form.model_validate_json(bytes(self._body))
        except Mismatch:
            raise self._unreadable("the gateway's answer cannot be read") from None

    def _refuse(self, status: int) -> None:
        exchange = self._exchange
        body = bytes(self._body[:LONGEST_ERROR])
        error = _failures.of_answer(status, self._headers, body, exchange.core.clock.wall())
        error.request_id = error.request_id or exchange.request_id
        raise error

    def _unreadable(self, message: str) -> APIError:
        return InvalidResponseError(
            message,
            code="invalid_response",
            status=self._status,
            request_id=self._headers.get("x-request-id") or self._exchange.request_id,
        )
