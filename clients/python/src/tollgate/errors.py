"""What can go wrong, as exceptions. All of them are `APIError`s.

Branch on the class or on `code`; read `str(error)`; tell the gateway's people `request_id`.
"""

from __future__ import annotations

import builtins
from typing import Any

import httpx


class APIError(Exception):
    """The base of every exception of this package."""

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        status: int | None = None,
        request_id: str | None = None,
        retryable: bool = False,
        retry_after: float | None = None,
        details: Any = None,
        response: httpx.Response | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        #: The code of the gateway's catalogue, or the family code of an answer that has no other.
        self.code = code
        #: The status of the answer; `None` where no answer came.
        self.status = status
        #: The id under which the gateway's log has the request.
        self.request_id = request_id
        #: Whether the same request may succeed later.
        self.retryable = retryable
        #: How many seconds the gateway asked to wait.
        self.retry_after = retry_after
        #: Whatever else the answer said about the failure.
        self.details = details
        #: How many times the request was sent.
        self.attempts = 0
        #: The answer itself, where there was one.
        self.response = response

    @property
    def status_code(self) -> int | None:
        """The same as `status`."""
        return self.status

    def __str__(self) -> str:
        return self.message


class BadRequestError(APIError):
    """The request has to be changed."""


class ValidationError(BadRequestError):
    """Fields of the request are missing or wrong; `details` names them."""


class AuthenticationError(APIError):
    """The key is missing, wrong, expired or revoked."""


class PermissionDeniedError(APIError):
    """The key may not do this: its team is stopped, or something is not open to it."""


class InsufficientCreditsError(APIError):
    """The team is out of credits or over its budget."""


class NotFoundError(APIError):
    """There is no such thing, or it belongs to somebody else."""


class ConflictError(APIError):
    """It is there already, or is being done at this moment."""


class RateLimitError(APIError):
    """Too many requests or tokens."""


class ServerError(APIError):
    """Something failed at the gateway or behind it."""


class GatewayTimeoutError(ServerError, builtins.TimeoutError):
    """The gateway, or the provider behind it, ran out of time."""


class APITimeoutError(APIError, builtins.TimeoutError):
    """No answer came within the timeout of this client."""


class APIConnectionError(APIError, builtins.ConnectionError):
    """The gateway could not be reached, or the connection broke before an answer."""


class InvalidResponseError(APIError):
    """An answer came that cannot be read."""


class CircuitOpenError(APIError):
    """Nothing was sent: too many requests failed one after the other."""


class StreamInterruptedError(APIError):
    """A stream ended before its end. `partial` is the text that came until then."""

    #: What had arrived of the text.
    partial: str = ""


class StreamTimeoutError(StreamInterruptedError, builtins.TimeoutError):
    """A stream fell silent, or its provider ran out of time."""
