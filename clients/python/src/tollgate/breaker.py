"""A circuit breaker: a gateway that keeps failing is left alone for a while."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Literal

from .errors import (
    APIConnectionError,
    APIError,
    APITimeoutError,
    CircuitOpenError,
    RateLimitError,
    ServerError,
    StreamInterruptedError,
)

#: What says that the gateway is not well; everything else is an answer.
_FAILURES = (ServerError, RateLimitError, APITimeoutError, APIConnectionError, StreamInterruptedError)


class CircuitBreaker:
    """Opens after so many failures in a row, and lets one probe through when its time is over.

    Threads may share it.
    """

    def __init__(self, failure_threshold: int = 5, timeout: float = 60.0) -> None:
        self.failure_threshold = failure_threshold
        self.timeout = timeout
        self._lock = threading.Lock()
        self._failures = 0
        self._opened_at: float | None = None
        self._probing = False
        self._turn = 0

    @property
    def state(self) -> Literal["closed", "open", "half_open"]:
        """Closed while requests pass, half open while one of them tries."""
        with self._lock:
            if self._opened_at is None:
                return "closed"
            return "half_open" if self._probing else "open"

    @property
    def failures(self) -> int:
        """How many failures came in a row."""
        with self._lock:
            return self._failures

    def admit(self, now: float) -> Pass:
        """Lets a request through, or raises `CircuitOpenError`."""
        with self._lock:
            if self._opened_at is None:
                return Pass(self, self._turn, is_probe=False)
            left = self._opened_at + self.timeout - now
            if left > 0 or self._probing:
                raise CircuitOpenError(
                    "Circuit breaker is open",
                    code="circuit_open",
                    retryable=True,
                    retry_after=max(0.0, left),
                )
            self._probing = True
            return Pass(self, self._turn, is_probe=True)

    def settle(self, passed: Pass, error: BaseException | None, now: float) -> int:
        """Notes how a request went. One that was given up says nothing. Returns the turn after it."""
        with self._lock:
            if passed.is_probe:
                self._probing = False
            # What was sent before the breaker last changed is no news.
            if passed.turn != self._turn:
                return self._turn
            if isinstance(error, _FAILURES):
                self._failures += 1
                if passed.is_probe or self._failures >= self.failure_threshold:
                    self._opened_at = now
                    self._turn += 1
            elif error is None or isinstance(error, APIError):
                self._failures = 0
                if passed.is_probe:
                    self._opened_at = None
                    self._turn += 1
            return self._turn


class Pass:
    """The leave for one request."""

    def __init__(self, breaker: CircuitBreaker, turn: int, *, is_probe: bool) -> None:
        self.breaker = breaker
        self.turn = turn
        self.is_probe = is_probe

    def answered(self, clock: Callable[[], float]) -> None:
        """Notes that the answer has begun. A probe has done its work with that; what becomes of the rest
        counts as of any other request."""
        if self.is_probe:
            self.turn = self.breaker.settle(self, None, clock())
            self.is_probe = False

    def settle(self, error: BaseException | None, clock: Callable[[], float]) -> None:
        """Gives it back with how the request went."""
        self.breaker.settle(self, error, clock())
