"""What comes back. Members that are not named here are kept, too."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator


class _Answer(BaseModel):
    model_config = ConfigDict(extra="allow", protected_namespaces=())


class Usage(_Answer):
    """How many tokens were counted."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0


class Message(_Answer):
    """What a model said."""

    role: str = "assistant"
    content: str | None = None
    tool_calls: list[dict[str, Any]] | None = None


class Choice(_Answer):
    """One answer of a model."""

    index: int = 0
    message: Message = Field(default_factory=Message)
    finish_reason: str | None = None


class ChatCompletion(_Answer):
    """A whole answer. Within a job it also has `call_id`, `response` and `metadata`."""

    id: str = ""
    object: str = "chat.completion"
    created: int = 0
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
        if isinstance(data, dict) and "choices" not in data and isinstance(data.get("response"), dict):
            said = data["response"]
            message = {"content": said.get("content")}
            choice = {"message": message, "finish_reason": said.get("finish_reason")}
            return {**data, "id": data.get("id") or data.get("call_id") or "", "choices": [choice]}
        return data

    @property
    def text(self) -> str:
        """What the first choice says."""
        return (self.choices[0].message.content or "") if self.choices else ""


class ChunkChoice(_Answer):
    """What one chunk adds to one answer."""

    index: int = 0
    delta: dict[str, Any] = Field(default_factory=dict)
    message: dict[str, Any] | None = None
    finish_reason: str | None = None

    @field_validator("delta", mode="before")
    @classmethod
    def _without_nulls(cls, delta: Any) -> Any:
        # `delta.get("content", "")` is added to a text by whoever reads it.
        if delta is None:
            return {}
        if isinstance(delta, dict):
            return {name: value for name, value in delta.items() if value is not None}
        return delta


class ChatChunk(_Answer):
    """A piece of an answer: `chunk.choices[0].delta.get("content")`."""

    id: str = ""
    object: str = "chat.completion.chunk"
    created: int = 0
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

    total_calls: int = 0
    successful_calls: int = 0
    failed_calls: int = 0
    total_tokens: int = 0
    total_cost_usd: float = 0.0
    avg_latency_ms: float = 0.0
    credit_applied: bool = False
    credits_remaining: float | None = None


class JobCompletion(_Answer):
    """A job that is over."""

    job_id: str
    status: str
    completed_at: str | None = None
    costs: JobCosts = Field(default_factory=JobCosts)
    calls: list[dict[str, Any]] = Field(default_factory=list)
    credits_remaining: float | None = None
    total_calls: int | None = None


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


JobStatus = Literal["completed", "failed"]
