"""What comes back. Members that are not named here are kept, too."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, field_validator, model_validator

#: What is counted. A text or a fraction is no count, as the Rust client has it.
Count = Annotated[int, Field(strict=True, ge=0, lt=2**64)]
#: An amount for display.
Amount = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="allow", protected_namespaces=())

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: Any) -> Any:
        # Some servers say `null` where others say nothing.
        if isinstance(data, dict):
            return {name: value for name, value in data.items() if value is not None or name not in cls.model_fields}
        return data


class Usage(_Answer):
    """How many tokens were counted."""

    prompt_tokens: Count = 0
    completion_tokens: Count = 0
    total_tokens: Count = 0


class Message(_Answer):
    """What a model said."""

    role: str = "assistant"
    content: str | None = None
    tool_calls: list[dict[str, Any]] | None = None


class Choice(_Answer):
    """One answer of a model."""

    index: Count = 0
    message: Message = Field(default_factory=Message)
    finish_reason: str | None = None


class ChatCompletion(_Answer):
    """A whole answer. Within a job it also has `call_id`, `response` and `metadata`."""

    id: str = ""
    object: str = "chat.completion"
    created: Count = 0
    model: str = ""
    choices: list[Choice] = Field(default_factory=list)
    usage: Usage | None = None
    call_id: str | None = None
    response: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None

    @model_validator(mode="before")
    @classmethod
    def _choices_of_a_call(cls, data: Any) -> Any:
        # Servers that answer a job's call in their own form only are read as well.
        if isinstance(data, dict) and data.get("choices") is None and isinstance(data.get("response"), dict):
            said = data["response"]
            message = {"content": said.get("content")}
            choice = {"message": message, "finish_reason": said.get("finish_reason")}
            of = "call_id" if data.get("id") in (None, "") else "id"
            return {**data, "id": data.get(of), "choices": [choice]}
        return data

    @property
    def text(self) -> str:
        """What the first choice says."""
        return (self.choices[0].message.content or "") if self.choices else ""


class ChunkChoice(_Answer):
    """What one chunk adds to one answer."""

    index: Count = 0
    delta: dict[str, Any] = Field(default_factory=dict)
    message: dict[str, Any] | None = None
    finish_reason: str | None = None

    @field_validator("delta", mode="before")
    @classmethod
    def _only_what_is_added(cls, delta: Any) -> Any:
        # `delta.get("content", "")` is added to a text by whoever reads it.
        if isinstance(delta, dict):
            return {name: value for name, value in delta.items() if value is not None}
        return delta


class ChatChunk(_Answer):
    """A piece of an answer: `chunk.choices[0].delta.get("content")`."""

    id: str = ""
    object: str = "chat.completion.chunk"
    created: Count = 0
    model: str = ""
    choices: list[ChunkChoice] = Field(default_factory=list)
    usage: Usage | None = None

    @property
    def text(self) -> str:
        """What this chunk adds to the text of the first choice."""
        content = self.choices[0].delta.get("content") if self.choices else None
        return content if isinstance(content, str) else ""


class Model(_Answer):
    """A model that may be asked for."""

    id: str
    object: str = "model"
    owned_by: str | None = None


class Job(_Answer):
    """A job, as far as the answer tells."""

    job_id: str
    status: str
    team_id: str | None = None
    job_type: str | None = None
    created_at: str | None = None
    started_at: str | None = None
    completed_at: str | None = None
    metadata: dict[str, Any] | None = None
    error_message: str | None = None


class JobCosts(_Answer):
    """What a job came to."""

    total_calls: Count = 0
    successful_calls: Count = 0
    failed_calls: Count = 0
    total_tokens: Count = 0
    total_cost_usd: Amount = 0.0
    avg_latency_ms: Amount = 0.0
    credit_applied: StrictBool = False
    credits_remaining: Amount | None = None


class JobCompletion(_Answer):
    """A job that is over."""

    job_id: str
    status: str
    completed_at: str | None = None
    costs: JobCosts = Field(default_factory=JobCosts)
    calls: list[dict[str, Any]] = Field(default_factory=list)
    credits_remaining: Amount | None = None
    total_calls: Count | None = None


class SingleCall(_Answer):
    """A job of one call, made and completed at once."""

    job_id: str
    status: str
    response: dict[str, Any] = Field(default_factory=dict)
    metadata: dict[str, Any] = Field(default_factory=dict)
    costs: JobCosts = Field(default_factory=JobCosts)
    completed_at: str | None = None

    @property
    def text(self) -> str:
        """What the model said."""
        content = self.response.get("content")
        return content if isinstance(content, str) else ""


class JobSummary(_Answer):
    """A job of a list, with what its calls come to."""

    job_id: str
    status: str
    job_type: str | None = None
    user_id: str | None = None
    created_at: str | None = None
    completed_at: str | None = None
    total_calls: Count = 0
    successful_calls: Count = 0
    failed_calls: Count = 0
    total_tokens: Count = 0
    total_cost_usd: Amount = 0.0
    credit_applied: StrictBool = False
    error_message: str | None = None
    job_metadata: dict[str, Any] = Field(default_factory=dict)


class TeamJobs(_Answer):
    """Jobs of a team, the latest first. `total` is how many there are."""

    team_id: str = ""
    total: Count = 0
    jobs: list[JobSummary] = Field(default_factory=list)


class JobPage(_Answer):
    """A page of the jobs of a team, as managers see them."""

    jobs: list[JobSummary] = Field(default_factory=list)
    total: Count = 0
    page: Count = 1
    page_size: Count = 0
    total_pages: Count = 0


class MetadataOfJob(_Answer):
    """The metadata of a job after a change."""

    job_id: str
    metadata: dict[str, Any] = Field(default_factory=dict)
    updated_at: str | None = None


class CallCost(_Answer):
    """What one call of a job cost."""

    call_id: str
    model: str | None = None
    purpose: str | None = None
    prompt_tokens: Count = 0
    completion_tokens: Count = 0
    cost_usd: Amount = 0.0
    created_at: str | None = None


class CallCosts(_Answer):
    """What the calls of a job cost, together and each of them."""

    total_cost_usd: Amount = 0.0
    breakdown: list[CallCost] = Field(default_factory=list)


class CostsOfJob(_Answer):
    """A job and what its calls cost."""

    job_id: str
    status: str
    team_id: str | None = None
    job_type: str | None = None
    costs: CallCosts = Field(default_factory=CallCosts)


class UsageSummary(_Answer):
    """What the jobs of a month came to."""

    total_jobs: Count = 0
    successful_jobs: Count = 0
    failed_jobs: Count = 0
    total_cost_usd: Amount = 0.0
    total_tokens: Count = 0
    avg_cost_per_job: Amount = 0.0
    credits_used: Count = 0


class KindUsage(_Answer):
    """What the jobs of one kind came to."""

    count: Count = 0
    cost_usd: Amount = 0.0


class TeamUsage(_Answer):
    """What the jobs of a team came to in a month."""

    team_id: str = ""
    period: str = ""
    summary: UsageSummary = Field(default_factory=UsageSummary)
    job_types: dict[str, KindUsage] = Field(default_factory=dict)


class JobCall(_Answer):
    """A call of a job, as managers see it."""

    call_id: str
    status: str
    model: str | None = None
    purpose: str | None = None
    total_tokens: Count = 0
    cost_usd: Amount = 0.0
    latency_ms: Amount | None = None
    error: str | None = None


class JobWithCalls(_Answer):
    """A job with all of its calls."""

    job: Job
    calls: list[JobCall] = Field(default_factory=list)


class OrganizationStats(_Answer):
    """How many jobs the teams of an organization made, and what became of them."""

    organization_id: str = ""
    organization_name: str = ""
    total_jobs: Count = 0
    completed_jobs: Count = 0
    failed_jobs: Count = 0
    in_progress_jobs: Count = 0
    total_teams: Count = 0
    total_llm_calls: Count = 0
    total_tokens: Count = 0
    total_cost_usd: Amount = 0.0
    total_credits_used: Count = 0
    top_teams: list[dict[str, Any]] = Field(default_factory=list)


class OrganizationAnalytics(_Answer):
    """What the jobs of an organization cost: by day, team, model and provider."""

    total_spend: Amount = 0.0
    total_requests: Count = 0
    successful_requests: Count = 0
    failed_requests: Count = 0
    total_tokens: Count = 0
    daily_spend: list[dict[str, Any]] = Field(default_factory=list)
    spend_per_team: list[dict[str, Any]] = Field(default_factory=list)
    top_models: list[dict[str, Any]] = Field(default_factory=list)
    provider_usage: list[dict[str, Any]] = Field(default_factory=list)


#: How a job may be ended.
JobStatus = Literal["completed", "failed"]
#: How a job may stand.
JobState = Literal["pending", "in_progress", "completed", "failed"]
