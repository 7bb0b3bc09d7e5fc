"""What can be asked of the gateway: addresses, bodies, timeouts, and what comes back.

The clients have these functions as their methods: those that wait return what comes back, the others
return it when it is awaited.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeVar, cast
from urllib.parse import quote, urlencode

from pydantic import BaseModel
from pydantic import ValidationError as Mismatch

from .errors import InvalidResponseError
from .types import (
    ChatChunk,
    ChatCompletion,
    CostsOfJob,
    Job,
    JobCompletion,
    JobPage,
    JobState,
    JobStatus,
    JobWithCalls,
    MetadataOfJob,
    Model,
    OrganizationAnalytics,
    OrganizationStats,
    SingleCall,
    TeamJobs,
    TeamUsage,
)

Messages = Sequence[Mapping[str, Any]]
Form = TypeVar("Form", bound=BaseModel)
Out = TypeVar("Out")
Then = TypeVar("Then")

#: How many seconds an answer may take, by what is asked.
CREATE_S = 10.0
GET_S = 10.0
CALL_S = 60.0
COMPLETE_S = 30.0
STREAM_S = 120.0
OTHER_S = 30.0


def _as_it_is(answer: Any) -> Any:
    return answer


@dataclass(frozen=True)
class Asked(Generic[Out]):
    """What is asked of the gateway, for an `Out`."""

    method: str
    path: str
    #: The path without ids: what metrics and logs call it.
    endpoint: str
    #: Seconds, where the client has no timeout of its own.
    timeout: float
    #: What the answer is read as, or each event of a stream.
    form: type[BaseModel]
    body: Mapping[str, Any] | None = None
    is_stream: bool = False
    #: What is made of the answer when the request is over.
    then: Callable[[Any], Any] = _as_it_is

    def into(self, then: Callable[[Out], Then]) -> Asked[Then]:
        """The same for something that is made of the answer."""
        return cast("Asked[Then]", replace(self, then=then))


class OfTeam(Protocol):
    """Whatever belongs to a team."""

    team_id: str


# --- models --------------------------------------------------------------------------------------


def chat(self: object, /, messages: Messages, model: str | None = None, **more: Any) -> Asked[ChatCompletion]:
    """Asks a model for a whole answer. `more` are further members of the request."""
    path = "/v1/chat/completions"
    return _post(path, path, CALL_S, ChatCompletion, _question(messages, model, more))


def chat_stream(self: object, /, messages: Messages, model: str | None = None, **more: Any) -> Asked[ChatChunk]:
    """Asks a model and hands on the answer as it comes. `more` are further members of the request."""
    path = "/v1/chat/completions"
    body = {**_question(messages, model, more), "stream": True}
    return _stream(path, f"{path} (stream)", body)


class _Models(BaseModel):
    data: list[Model]


def models(self: object, /) -> Asked[list[Model]]:
    """The models that the key may use."""
    return _get("/v1/models", "/v1/models", _Models).into(lambda listed: listed.data)


# --- jobs ----------------------------------------------------------------------------------------


def create_job(
    self: OfTeam, /, job_type: str, metadata: Mapping[str, Any] | None = None, *, user_id: str | None = None
) -> Asked[str]:
    """Makes a job and returns its id."""
    body = _given(team_id=self.team_id, job_type=job_type, user_id=user_id, metadata=metadata)
    return _post("/api/jobs/create", "/api/jobs/create", CREATE_S, Job, body).into(lambda job: job.job_id)


def job_chat(
    self: OfTeam, /, job_id: str, messages: Messages, model: str | None = None, **more: Any
) -> Asked[ChatCompletion]:
    """One call of a job. `more` are further members of the request."""
    path, endpoint = _job(job_id, "/llm-call")
    return _post(path, endpoint, CALL_S, ChatCompletion, _question(messages, model, more))


def job_chat_stream(
    self: OfTeam, /, job_id: str, messages: Messages, model: str | None = None, **more: Any
) -> Asked[ChatChunk]:
    """One call of a job, as it comes. `more` are further members of the request."""
    path, endpoint = _job(job_id, "/llm-call-stream")
    return _stream(path, endpoint, _question(messages, model, more))


def structured_output(
    self: OfTeam,
    /,
    job_id: str,
    messages: Messages,
    response_model: type[Form],
    model: str | None = None,
    **more: Any,
) -> Asked[Form]:
    """One call of a job whose answer is an object. Raises `InvalidResponseError` if it is none."""
    schema = {"name": response_model.__name__, "schema": response_model.model_json_schema()}
    more = {"response_format": {"type": "json_schema", "json_schema": schema}, **more}
    return job_chat(self, job_id, messages, model, **more).into(lambda said: _parsed(response_model, said.text))


def create_and_call(
    self: OfTeam, /, job_type: str, messages: Messages, model: str | None = None, **more: Any
) -> Asked[SingleCall]:
    """A job of one call, made and completed at once. `more` are further members of the request."""
    path = "/api/jobs/create-and-call"
    body = {**_question(messages, model, more), "team_id": self.team_id, "job_type": job_type}
    return _post(path, path, CALL_S, SingleCall, body)


def create_and_call_stream(
    self: OfTeam, /, job_type: str, messages: Messages, model: str | None = None, **more: Any
) -> Asked[ChatChunk]:
    """A job of one call, as the answer comes; the stream has the `job_id`. The job is over with it."""
    path = "/api/jobs/create-and-call-stream"
    body = {**_question(messages, model, more), "team_id": self.team_id, "job_type": job_type}
    return _stream(path, path, body)


def complete_job(
    self: OfTeam,
    /,
    job_id: str,
    status: JobStatus = "completed",
    metadata: Mapping[str, Any] | None = None,
    *,
    error_message: str | None = None,
) -> Asked[JobCompletion]:
    """Ends a job."""
    path, endpoint = _job(job_id, "/complete")
    body = _given(status=status, metadata=metadata, error_message=error_message)
    return _post(path, endpoint, COMPLETE_S, JobCompletion, body)


def get_job(self: OfTeam, /, job_id: str) -> Asked[Job]:
    """A job as it stands."""
    return _get(*_job(job_id, ""), Job)


def update_metadata(self: OfTeam, /, job_id: str, metadata: Mapping[str, Any]) -> Asked[MetadataOfJob]:
    """Adds members to the metadata of a job; those of the same name are replaced."""
    path, endpoint = _job(job_id, "/metadata")
    return Asked("PATCH", path, f"PATCH {endpoint}", OTHER_S, MetadataOfJob, {"metadata": dict(metadata)})


def job_costs(self: OfTeam, /, job_id: str) -> Asked[CostsOfJob]:
    """What each call of a job cost."""
    return _get(*_job(job_id, "/costs"), CostsOfJob)


def list_jobs(
    self: OfTeam, /, *, status: JobState | None = None, limit: int | None = None, offset: int | None = None
) -> Asked[TeamJobs]:
    """The jobs of the team, the latest first."""
    query = _given(status=status, limit=limit, offset=offset)
    return _get(_path("/api/teams/{}/jobs", self.team_id, query=query), "/api/teams/{id}/jobs", TeamJobs)


def team_usage(self: OfTeam, /, period: str) -> Asked[TeamUsage]:
    """What the jobs of a month, such as `2026-11`, came to."""
    path = _path("/api/teams/{}/usage", self.team_id, query={"period": period})
    return _get(path, "/api/teams/{id}/usage", TeamUsage)


# --- what managers see of jobs -------------------------------------------------------------------


def jobs_of_team(self: object, /, team_id: str, **filters: Any) -> Asked[JobPage]:
    """A page of the jobs of a team that made calls: `page`, `page_size`, `status`, `job_type`, `start_date`,
    `end_date`, `job_id_filter`."""
    path = _path("/api/jobs/teams/{}", team_id, query=_given(**filters))
    return _get(path, "/api/jobs/teams/{id}", JobPage)


def job_of_team(self: object, /, team_id: str, job_id: str) -> Asked[JobWithCalls]:
    """A job of a team with its calls."""
    return _get(_path("/api/jobs/teams/{}/{}", team_id, job_id), "/api/jobs/teams/{id}/{id}", JobWithCalls)


def organization_stats(
    self: object, /, organization_id: str, *, start_date: str | None = None, end_date: str | None = None
) -> Asked[OrganizationStats]:
    """How many jobs the teams of an organization made, and what became of them."""
    query = _given(start_date=start_date, end_date=end_date)
    path = _path("/api/jobs/organizations/{}/stats", organization_id, query=query)
    return _get(path, "/api/jobs/organizations/{id}/stats", OrganizationStats)


def organization_analytics(
    self: object, /, organization_id: str, *, start_date: str | None = None, end_date: str | None = None
) -> Asked[OrganizationAnalytics]:
    """What the jobs of an organization cost: by day, team, model and provider."""
    query = _given(start_date=start_date, end_date=end_date)
    path = _path("/api/jobs/organizations/{}/analytics", organization_id, query=query)
    return _get(path, "/api/jobs/organizations/{id}/analytics", OrganizationAnalytics)


# -------------------------------------------------------------------------------------------------


def _get(path: str, endpoint: str, form: type[Form]) -> Asked[Form]:
    return Asked("GET", path, f"GET {endpoint}", GET_S, form)


def _post(path: str, endpoint: str, timeout: float, form: type[Form], body: Mapping[str, Any]) -> Asked[Form]:
    return Asked("POST", path, f"POST {endpoint}", timeout, form, body)


def _stream(path: str, endpoint: str, body: Mapping[str, Any]) -> Asked[ChatChunk]:
    return Asked("POST", path, f"POST {endpoint}", STREAM_S, ChatChunk, body, is_stream=True)


def _question(messages: Messages, model: str | None, more: Mapping[str, Any]) -> dict[str, Any]:
    return {**_given(model=model, **more), "messages": list(messages)}


def _given(**members: Any) -> dict[str, Any]:
    """The members that are not `None`."""
    return {name: value for name, value in members.items() if value is not None}


def _job(job_id: str, rest: str) -> tuple[str, str]:
    """The path of a job, with and without its id."""
    return _path("/api/jobs/{}", job_id) + rest, f"/api/jobs/{{id}}{rest}"


def _path(form: str, *ids: str, query: Mapping[str, Any] | None = None) -> str:
    """A path with ids, each as one segment of it, and its query."""
    path = form.format(*(quote(each, safe="") for each in ids))
    return f"{path}?{urlencode(query, quote_via=quote)}" if query else path


def _parsed(form: type[Form], text: str) -> Form:
    try:
        return form.model_validate_json(text)
    except Mismatch as problem:
        raise InvalidResponseError(
            f"the model did not answer with a {form.__name__}: {problem.error_count()} problems",
            code="structured_output_mismatch",
            retryable=True,
            details={"text": text, "problems": problem.errors(include_url=False)},
        ) from problem
