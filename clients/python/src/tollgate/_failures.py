"""Answers that are no success, in any of the gateway's dialects, as exceptions."""

from __future__ import annotations

import json
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from . import errors

_OUT_OF_CREDITS = frozenset({"insufficient_credits", "budget_exceeded"})
_RATE_LIMITED = frozenset({"rate_limit_exceeded", "provider_rate_limited"})
_OUT_OF_TIME = frozenset({"request_timeout", "provider_timeout", "route_selection_timeout", "remote_gateway_timeout"})
_LATER = frozenset({408, 429, 500, 502, 503, 504, 529})
_BY_STATUS: dict[int, type[errors.APIError]] = {
    400: errors.BadRequestError,
    401: errors.AuthenticationError,
    402: errors.InsufficientCreditsError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    405: errors.BadRequestError,
    408: errors.GatewayTimeoutError,
    409: errors.ConflictError,
    413: errors.BadRequestError,
    415: errors.BadRequestError,
    422: errors.ValidationError,
    429: errors.RateLimitError,
    504: errors.GatewayTimeoutError,
}
#: The most of a text that is no JSON that is shown.
_SHOWN = 200


class _Told:
    """What a body says about a failure."""

    def __init__(self) -> None:
        self.message: str | None = None
        self.code: str | None = None
        self.request_id: str | None = None
        self.retryable: bool | None = None
        self.retry_after: float | None = None
        self.details: Any = None


def of_answer(status: int, headers: httpx.Headers, body: bytes, now: float) -> errors.APIError:
    """The exception for an answer with an error status. `now` is the time in seconds since 1970."""
    told = read(_decoded(body))
    code = headers.get("x-tollgate-error-code") or told.code
    message = told.message or _plain(status, body)
    retryable = {"true": True, "false": False}.get(headers.get("x-should-retry", "").strip().lower())
    if retryable is None:
        retryable = told.retryable
    if retryable is None:
        retryable = status in _LATER
    wait = retry_after(headers, now)
    kind = _kind(status, code, message)
    return kind(
        message,
        code=code,
        status=status,
        request_id=headers.get("x-request-id") or headers.get("request-id") or told.request_id,
        retryable=retryable,
        retry_after=told.retry_after if wait is None else wait,
        details=told.details,
        response=_kept(status, headers, body),
    )


def _kept(status: int, headers: httpx.Headers, body: bytes) -> httpx.Response:
    """The answer as it was read, without the request, which has the key."""
    framing = ("content-encoding", "content-length", "transfer-encoding")
    told = [(name, value) for name, value in headers.multi_items() if name.lower() not in framing]
    return httpx.Response(status, headers=told, content=body)


def of_event(event: dict[str, Any], partial: str, request_id: str | None) -> errors.StreamInterruptedError:
    """The exception for an error within a stream."""
    told = read(event)
    inner = event.get("error")
    kind: type[errors.StreamInterruptedError] = errors.StreamInterruptedError
    is_timeout = isinstance(inner, dict) and inner.get("type") == "timeout_error"
    if is_timeout or told.code in _OUT_OF_TIME:
        kind = errors.StreamTimeoutError
    error = kind(
        told.message or "the stream broke off",
        code=told.code,
        request_id=told.request_id or request_id,
        retryable=True if told.retryable is None else told.retryable,
        retry_after=told.retry_after,
        details=told.details,
    )
    error.partial = partial
    return error


def is_failure(event: dict[str, Any]) -> bool:
    """Whether an event of a stream says that it failed."""
    return event.get("error") is not None or ("detail" in event and "choices" not in event)


def read(body: Any) -> _Told:
    """What a decoded body says, whatever its dialect."""
    told = _Told()
    if not isinstance(body, dict):
        return told
    told.request_id = _text(body.get("request_id"))
    told.retryable = body.get("retryable") if isinstance(body.get("retryable"), bool) else None
    told.retry_after = _number(body.get("retry_after"))
    error, detail = body.get("error"), body.get("detail")
    if isinstance(error, dict):
        _read_envelope(told, error)
    elif isinstance(error, str):
        told.message = error
    elif isinstance(detail, list):
        told.details, told.message = detail, "; ".join(map(_problem, detail))
    elif isinstance(detail, str):
        told.message, told.code, told.details = detail, _text(body.get("code")), body.get("details")
    return told


def _read_envelope(told: _Told, error: dict[str, Any]) -> None:
    """OpenAI's, LangMart's, Anthropic's or Gemini's error object."""
    told.message = _text(error.get("message"))
    told.request_id = _text(error.get("request_id")) or told.request_id
    if isinstance(error.get("retryable"), bool):
        told.retryable = error["retryable"]
    told.retry_after = _number(error.get("retry_after")) or told.retry_after
    details = told.details = error.get("details")
    told.code = _text(error.get("code"))
    if isinstance(details, dict):
        told.code = _text(details.get("error_code")) or told.code
    if isinstance(details, list):
        for each in details:
            if not isinstance(each, dict):
                continue
            reason = _text(each.get("reason"))
            if reason:
                told.code = reason.lower()
            metadata = each.get("metadata")
            if isinstance(metadata, dict):
                told.request_id = told.request_id or _text(metadata.get("request_id"))


def retry_after(headers: httpx.Headers, now: float) -> float | None:
    """How many seconds the answer asks to wait; `retry-after-ms` is the more exact one."""
    milliseconds = _number_of(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    text = headers.get("retry-after")
    seconds = _number_of(text)
    if seconds is not None or text is None:
        return seconds
    try:
        date = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return None
    # The oldest form has no zone; all of them mean UTC.
    return max(0.0, date.replace(tzinfo=date.tzinfo or UTC).timestamp() - now)


def _kind(status: int, code: str | None, message: str) -> type[errors.APIError]:
    if code in _OUT_OF_CREDITS:
        return errors.InsufficientCreditsError
    if code in _RATE_LIMITED:
        return errors.RateLimitError
    if code in _OUT_OF_TIME:
        return errors.GatewayTimeoutError
    # Servers that send no code say it in their text.
    if status == 403 and code is None and "credit" in message.lower():
        return errors.InsufficientCreditsError
    if status >= 500:
        return _BY_STATUS.get(status, errors.ServerError)
    return _BY_STATUS.get(status, errors.APIError)


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _plain(status: int, body: bytes) -> str:
    text = " ".join(body.decode(errors="replace").split())
    if not text:
        return f"HTTP {status}"
    return f"HTTP {status}: {text[:_SHOWN]}"


def _problem(problem: Any) -> str:
    if not isinstance(problem, dict):
        return str(problem)
    place = problem.get("loc")
    path = ".".join(str(part) for part in place) if isinstance(place, list) else ""
    return f"{path}: {problem.get('msg')}" if path else str(problem.get("msg"))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: Any) -> float | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and value >= 0 else None


def _number_of(text: str | None) -> float | None:
    digits = "" if text is None else text.strip().replace(".", "", 1)
    if text is None or not (digits.isascii() and digits.isdigit()):
        return None
    return float(text)
