"""The client that waits, and its jobs."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
from pydantic import BaseModel
from pydantic import ValidationError as Mismatch

from . import _ask
from ._ask import Form, Messages
from ._exchange import Asked, Core, Exchange, root
from ._stream import ChunkReader
from .breaker import CircuitBreaker
from .clock import Clock
from .errors import APIError
from .metrics import APIMetrics
from .retry import RetryPolicy
from .types import ChatChunk, ChatCompletion, Job, JobCompletion, JobStatus, Model, SingleCall

_Answer = TypeVar("_Answer", bound=BaseModel)
_Chunks = Generator[ChatChunk, None, None]


class ChatStream(Iterator[ChatChunk]):
    """The chunks of an answer as they come. `text` is what came until now.

    Close it, or use it in a `with`, unless it is read to its end.
    """

    def __init__(self, client: Client, asked: Asked) -> None:
        self._reader = ChunkReader(None)
        self._chunks = client._streamed(asked, self._reader)

    @property
    def text(self) -> str:
        """The text until now."""
        return self._reader.text

    @property
    def request_id(self) -> str | None:
        """The id of the request, once the answer has begun."""
        return self._reader.request_id

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> ChatChunk:
        return next(self._chunks)

    def close(self) -> None:
        """Ends the answer; the gateway stops the provider."""
        self._chunks.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Client:
    """Talks to a gateway and waits for its answers. Threads may share it.

    `timeout` holds for every request; without it each endpoint has its own.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        timeout: float | None = None,
        retry: RetryPolicy | None = None,
        breaker: CircuitBreaker | bool | None = True,
        metrics: APIMetrics | None = None,
        headers: Mapping[str, str] | None = None,
        clock: Clock | None = None,
        http_client: httpx.Client | None = None,
    ) -> None:
        self.timeout = timeout
        self.core = core(base_url, api_key, retry, breaker, metrics, headers, clock)
        self._http = http_client or httpx.Client()

    @property
    def metrics(self) -> APIMetrics:
        """What this client did until now."""
        return self.core.metrics

    @property
    def breaker(self) -> CircuitBreaker | None:
        """The circuit breaker, if there is one."""
        return self.core.breaker

    def chat(self, messages: Messages, model: str | None = None, **more: Any) -> ChatCompletion:
        """Asks a model and waits for the whole answer. `more` are further members of the request."""
        return self._answer(_ask.chat(messages, model, more, self.timeout), ChatCompletion)

    def chat_stream(self, messages: Messages, model: str | None = None, **more: Any) -> ChatStream:
        """Asks a model and hands on the answer as it comes."""
        return ChatStream(self, _ask.chat_stream(messages, model, more, self.timeout))

    def models(self) -> list[Model]:
        """The models that the key may use."""
        listed = self._answer(_ask.models(self.timeout), _Models)
        return listed.data

    def jobs(self, team_id: str) -> Jobs:
        """The jobs of a team."""
        return Jobs(self, team_id)

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.core.base_url!r})"

    def _answer(self, asked: Asked, form: type[_Answer]) -> _Answer:
        with self.core.begin(asked) as exchange:
            while True:
                try:
                    response = self._send(exchange)
                    return read(exchange, response, form)
                except APIError as error:
                    self.core.clock.sleep(exchange.wait(error))

    def _send(self, exchange: Exchange) -> httpx.Response:
        request = exchange.request()
        with _translated(exchange):
            response = self._http.request(**request)
        if not response.is_success:
            raise exchange.refused(response, response.content)
        return response

    def _streamed(self, asked: Asked, reader: ChunkReader) -> _Chunks:
        with self.core.begin(asked) as exchange, contextlib.closing(self._opened(exchange)) as response:
            reader.request_id = response.headers.get("x-request-id") or exchange.request_id
            try:
                for received in response.iter_raw():
                    yield from reader.feed(received)
                    if reader.is_over:
                        return
            except httpx.TimeoutException as error:
                raise reader.silent(exchange.timeout) from error
            except httpx.HTTPError as error:
                raise reader.interrupted(f"the connection broke within the stream: {error}") from error
            reader.end()

    def _opened(self, exchange: Exchange) -> httpx.Response:
        while True:
            try:
                return self._open(exchange)
            except APIError as error:
                self.core.clock.sleep(exchange.wait(error))

    def _open(self, exchange: Exchange) -> httpx.Response:
        request = exchange.request()
        with _translated(exchange):
            response = self._http.send(self._http.build_request(**request), stream=True)
            if response.is_success:
                return response
            with contextlib.closing(response):
                body = response.read()
        raise exchange.refused(response, body)


class Jobs:
    """The jobs of one team, for clients that wait."""

    def __init__(self, client: Client, team_id: str) -> None:
        self.client, self.team_id = client, team_id

    def create_job(
        self, job_type: str, metadata: Mapping[str, Any] | None = None, *, user_id: str | None = None
    ) -> str:
        """Makes a job and returns its id."""
        asked = _ask.create_job(self.team_id, job_type, user_id, metadata, self.client.timeout)
        return self.client._answer(asked, Job).job_id

    def chat(self, job_id: str, messages: Messages, model: str | None = None, **more: Any) -> ChatCompletion:
        """One call of a job."""
        asked = _ask.job_call(job_id, messages, model, more, self.client.timeout)
        return self.client._answer(asked, ChatCompletion)

    def chat_stream(self, job_id: str, messages: Messages, model: str | None = None, **more: Any) -> ChatStream:
        """One call of a job, as it comes."""
        return ChatStream(self.client, _ask.job_stream(job_id, messages, model, more, self.client.timeout))

    def structured_output(
        self, job_id: str, messages: Messages, response_model: type[Form], model: str | None = None, **more: Any
    ) -> Form:
        """One call of a job whose answer is an object."""
        more = {"response_format": _ask.schema_of(response_model), **more}
        said = self.chat(job_id, messages, model, **more)
        return _ask.parse(response_model, said.text)

    def create_and_call(self, job_type: str, messages: Messages, model: str | None = None, **more: Any) -> SingleCall:
        """A job of one call, made and completed at once."""
        asked = _ask.create_and_call(self.team_id, job_type, messages, model, more, self.client.timeout)
        return self.client._answer(asked, SingleCall)

    def get_job(self, job_id: str) -> Job:
        """A job as it stands."""
        return self.client._answer(_ask.get_job(job_id, self.client.timeout), Job)

    def complete_job(
        self,
        job_id: str,
        status: JobStatus = "completed",
        metadata: Mapping[str, Any] | None = None,
        *,
        error_message: str | None = None,
    ) -> JobCompletion:
        """Ends a job."""
        asked = _ask.complete_job(job_id, status, metadata, error_message, self.client.timeout)
        return self.client._answer(asked, JobCompletion)


class SyncSaaSLLMClient(Jobs):
    """`SaaSLLMClient` for programs that wait."""

    def __init__(
        self, base_url: str, team_id: str, virtual_key: str, timeout: float | None = None, **options: Any
    ) -> None:
        super().__init__(Client(base_url, virtual_key, timeout=timeout, **options), team_id)

    def close(self) -> None:
        """Closes the connections."""
        self.client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Models(BaseModel):
    data: list[Model]


def core(
    base_url: str,
    api_key: str,
    retry: RetryPolicy | None,
    breaker: CircuitBreaker | bool | None,
    metrics: APIMetrics | None,
    headers: Mapping[str, str] | None,
    clock: Clock | None,
) -> Core:
    """What both kinds of clients are made of."""
    if breaker is True:
        breaker = CircuitBreaker()
    return Core(
        base_url=root(base_url),
        api_key=api_key,
        retry=retry or RetryPolicy(),
        breaker=breaker or None,
        metrics=metrics or APIMetrics(),
        clock=clock or Clock(),
        headers={name.lower(): value for name, value in (headers or {}).items()},
    )


def read(exchange: Exchange, response: httpx.Response, form: type[_Answer]) -> _Answer:
    """A successful answer in its form."""
    try:
        return form.model_validate_json(response.content)
    except Mismatch:
        raise exchange.unreadable(response) from None


@contextlib.contextmanager
def _translated(exchange: Exchange) -> Iterator[None]:
    """The library's exceptions as ours."""
    try:
        yield
    except httpx.TimeoutException as error:
        raise exchange.timed_out() from error
    except httpx.HTTPError as error:
        raise exchange.broken(error) from error
