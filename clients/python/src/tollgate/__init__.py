"""The client of the Tollgate LLM gateway."""

from ._exchange import VERSION
from .aio import AsyncChatStream, AsyncClient, AsyncJobs, SaaSLLMClient
from .breaker import CircuitBreaker
from .client import ChatStream, Client, Jobs, SyncSaaSLLMClient
from .clock import Clock
from .errors import (
    APIConnectionError,
    APIError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    CircuitOpenError,
    ConflictError,
    GatewayTimeoutError,
    InsufficientCreditsError,
    InvalidResponseError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    StreamInterruptedError,
    StreamTimeoutError,
    ValidationError,
)
from .metrics import APIMetrics
from .retry import NO_RETRIES, RetryPolicy
from .types import (
    ChatChunk,
    ChatCompletion,
    Choice,
    ChunkChoice,
    Job,
    JobCompletion,
    JobCosts,
    Message,
    Model,
    SingleCall,
    Usage,
)

__version__ = VERSION

__all__ = [
    "NO_RETRIES",
    "APIConnectionError",
    "APIError",
    "APIMetrics",
    "APITimeoutError",
    "AsyncChatStream",
    "AsyncClient",
    "AsyncJobs",
    "AuthenticationError",
    "BadRequestError",
    "ChatChunk",
    "ChatCompletion",
    "ChatStream",
    "Choice",
    "ChunkChoice",
    "CircuitBreaker",
    "CircuitOpenError",
    "Client",
    "Clock",
    "ConflictError",
    "GatewayTimeoutError",
    "InsufficientCreditsError",
    "InvalidResponseError",
    "Job",
    "JobCompletion",
    "JobCosts",
    "Jobs",
    "Message",
    "Model",
    "NotFoundError",
    "PermissionDeniedError",
    "RateLimitError",
    "RetryPolicy",
    "SaaSLLMClient",
    "ServerError",
    "SingleCall",
    "StreamInterruptedError",
    "StreamTimeoutError",
    "SyncSaaSLLMClient",
    "Usage",
    "ValidationError",
    "__version__",
]
