"""What can be asked of the gateway: addresses, bodies and timeouts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import BaseModel
from pydantic import ValidationError as Mismatch

from ._exchange import Asked
from .errors import InvalidResponseError

Messages = Sequence[Mapping[str, Any]]
Form = TypeVar("Form", bound=BaseModel)

#: How many seconds an answer may take, by what is asked.
CREATE_S = 10.0
GET_S = 10.0
CALL_S = 60.0
COMPLETE_S = 30.0
STREAM_S = 120.0
OTHER_S = 30.0


def given(**members: Any) -> dict[str, Any]:
    """The members that are not `None`."""
    return {name: value for name, value in members.items() if value is not None}


def chat(messages: Messages, model: str | None, more: dict[str, Any], timeout: float | None) -> Asked:
    """One chat completion."""
    body = {**given(model=model, **more), "messages": list(messages)}
    path = "/v1/chat/completions"
    return Asked("POST", path, f"POST {path}", timeout or CALL_S, body)


def chat_stream(messages: Messages, model: str | None, more: dict[str, Any], timeout: float | None) -> Asked:
    """The same as a stream."""
    body = {**given(model=model, **more), "messages": list(messages), "stream": True}
    path = "/v1/chat/completions"
    return Asked("POST", path, f"POST {path} (stream)", timeout or STREAM_S, body, is_stream=True)


def models(timeout: float | None) -> Asked:
    """The models of the key."""
    return Asked("GET", "/v1/models", "GET /v1/models", timeout or GET_S)


def create_job(
    team_id: str, job_type: str, user_id: str | None, metadata: Mapping[str, Any] | None, timeout: float | None
) -> Asked:
    """A new job."""
    body = given(team_id=team_id, job_type=job_type, user_id=user_id, metadata=metadata)
    path = "/api/jobs/create"
    return Asked("POST", path, f"POST {path}", timeout or CREATE_S, body)


def job_call(job_id: str, messages: Messages, model: str | None, more: dict[str, Any], timeout: float | None) -> Asked:
    """One call of a job."""
    body = {**given(model=model, **more), "messages": list(messages)}
    return _of_job("POST", job_id, "/llm-call", timeout or CALL_S, body)


def job_stream(
    job_id: str, messages: Messages, model: str | None, more: dict[str, Any], timeout: float | None
) -> Asked:
    """The same as a stream."""
    body = {**given(model=model, **more), "messages": list(messages)}
    return _of_job("POST", job_id, "/llm-call-stream", timeout or STREAM_S, body, is_stream=True)


def complete_job(
    job_id: str,
    status: str,
    metadata: Mapping[str, Any] | None,
    error_message: str | None,
    timeout: float | None,
) -> Asked:
    """The end of a job."""
    body = given(status=status, metadata=metadata, error_message=error_message)
    return _of_job("POST", job_id, "/complete", timeout or COMPLETE_S, body)


def get_job(job_id: str, timeout: float | None) -> Asked:
    """A job as it stands."""
    return _of_job("GET", job_id, "", timeout or GET_S, None)


def create_and_call(
    team_id: str,
    job_type: str,
    messages: Messages,
    model: str | None,
    more: dict[str, Any],
    timeout: float | None,
) -> Asked:
    """A job of one call."""
    own = given(team_id=team_id, job_type=job_type, model=model, **more)
    path = "/api/jobs/create-and-call"
    return Asked("POST", path, f"POST {path}", timeout or CALL_S, {**own, "messages": list(messages)})


def schema_of(form: type[BaseModel]) -> dict[str, Any]:
    """The `response_format` that asks for an object of this form."""
    schema = {"name": form.__name__, "schema": form.model_json_schema()}
    return {"type": "json_schema", "json_schema": schema}


def parse(form: type[Form], text: str) -> Form:
    """The object that a model was asked for. Raises `InvalidResponseError` if it is none."""
    try:
        return form.model_validate_json(text)
    except Mismatch as problem:
        raise InvalidResponseError(
            f"the model did not answer with a {form.__name__}: {problem.error_count()} problems",
            code="structured_output_mismatch",
            retryable=True,
            details={"text": text, "problems": problem.errors(include_url=False)},
        ) from problem


def _of_job(method: str, job_id: str, rest: str, timeout: float, body: Any, *, is_stream: bool = False) -> Asked:
    path = f"/api/jobs/{quote(job_id, safe='')}{rest}"
    return Asked(method, path, f"{method} /api/jobs/{{id}}{rest}", timeout, body, is_stream=is_stream)
