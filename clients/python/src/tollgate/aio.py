"""The client that does not keep others from running, and its jobs."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

import anyio
import httpx
from pydantic import BaseModel

from . import _ask
from ._ask import Form, Messages
from ._exchange import Asked, Exchange
from ._stream import ChunkReader
from .breaker import CircuitBreaker
from .client import _Models, _translated, core, read
from .clock import Clock
from .errors import APIError
from .metrics import APIMetrics
from .retry import RetryPolicy
from .types import ChatChunk, ChatCompletion, Job, JobCompletion, JobStatus, Model, SingleCall

_Answer = TypeVar("_Answer", bound=BaseModel)


class AsyncChatStream(AsyncIterator[ChatChunk]):
    """The chunks of an answer as they come. `text` is what came until now.

    Close it, or use it in an `async with`, unless it is read to its end.
    """

    def __init__(self, client: AsyncClient, asked: Asked) -> None:
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

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ChatChunk:
        return await self._chunks.__anext__()

    async def aclose(self) -> None:
        """Ends the answer; the gateway stops the provider."""
        await self._chunks.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


class AsyncClient:
    """Talks to a gateway. Tasks of one event loop may share it.

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
        http_client: httpx.AsyncClient | None = None,
    ) -> None:
        self.timeout = timeout
        self.core = core(base_url, api_key, retry, breaker, metrics, headers, clock)
        self._http = http_client or httpx.AsyncClient()

    @property
    def metrics(self) -> APIMetrics:
        """What this client did until now."""
        return self.core.metrics

    @property
    def breaker(self) -> CircuitBreaker | None:
        """The circuit breaker, if there is one."""
        return self.core.breaker

    async def chat(self, messages: Messages, model: str | None = None, **more: Any) -> ChatCompletion:
        """Asks a model and waits for the whole answer. `more` are further members of the request."""
        return await self._answer(_ask.chat(messages, model, more, self.timeout), ChatCompletion)

    def chat_stream(self, messages: Messages, model: str | None = None, **more: Any) -> AsyncChatStream:
        """Asks a model and hands on the answer as it comes."""
        return AsyncChatStream(self, _ask.chat_stream(messages, model, more, self.timeout))

    async def models(self) -> list[Model]:
        """The models that the key may use."""
        listed = await self._answer(_ask.models(self.timeout), _Models)
        return listed.data

    def jobs(self, team_id: str) -> AsyncJobs:
        """The jobs of a team."""
        return AsyncJobs(self, team_id)

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.core.base_url!r})"

    async def _answer(self, asked: Asked, form: type[_Answer]) -> _Answer:
        with self.core.begin(asked) as exchange:
            while True:
                try:
                    response = await self._send(exchange)
                    return read(exchange, response, form)
                except APIError as error:
                    await self.core.clock.sleep_async(exchange.wait(error))

    async def _send(self, exchange: Exchange) -> httpx.Response:
        request = exchange.request()
        with _translated(exchange):
            # The library's timeout begins anew with every byte; this one does not.
            with anyio.move_on_after(exchange.timeout) as scope:
                response = await self._http.request(**request)
            if scope.cancelled_caught:
                raise exchange.timed_out()
        if not response.is_success:
            raise exchange.refused(response, response.content)
        return response

    async def _streamed(self, asked: Asked, reader: ChunkReader) -> AsyncGenerator[ChatChunk, None]:
        with self.core.begin(asked) as exchange:
            async with contextlib.aclosing(await self._opened(exchange)) as response:
                reader.request_id = response.headers.get("x-request-id") or exchange.request_id
                try:
                    async for received in response.aiter_raw():
                        for chunk in reader.feed(received):
                            yield chunk
                        if reader.is_over:
                            return
                except httpx.TimeoutException as error:
                    raise reader.silent(exchange.timeout) from error
                except httpx.HTTPError as error:
                    raise reader.interrupted(f"the connection broke within the stream: {error}") from error
                reader.end()

    async def _opened(self, exchange: Exchange) -> httpx.Response:
        while True:
            try:
                return await self._open(exchange)
            except APIError as error:
                await self.core.clock.sleep_async(exchange.wait(error))

    async def _open(self, exchange: Exchange) -> httpx.Response:
        request = exchange.request()
        with _translated(exchange):
            response = await self._http.send(self._http.build_request(**request), stream=True)
            if response.is_success:
                return response
            async with contextlib.aclosing(response):
                body = await response.aread()
        raise exchange.refused(response, body)


class AsyncJobs:
    """The jobs of one team."""

    def __init__(self, client: AsyncClient, team_id: str) -> None:
        self.client, self.team_id = client, team_id

    async def create_job(
        self, job_type: str, metadata: Mapping[str, Any] | None = None, *, user_id: str | None = None
    ) -> str:
        """Makes a job and returns its id."""
        asked = _ask.create_job(self.team_id, job_type, user_id, metadata, self.client.timeout)
        return (await self.client._answer(asked, Job)).job_id

    async def chat(self, job_id: str, messages: Messages, model: str | None = None, **more: Any) -> ChatCompletion:
        """One call of a job."""
        asked = _ask.job_call(job_id, messages, model, more, self.client.timeout)
        return await self.client._answer(asked, ChatCompletion)

    def chat_stream(self, job_id: str, messages: Messages, model: str | None = None, **more: Any) -> AsyncChatStream:
        """One call of a job, as it comes."""
        asked = _ask.job_stream(job_id, messages, model, more, self.client.timeout)
        return AsyncChatStream(self.client, asked)

    async def structured_output(
        self, job_id: str, messages: Messages, response_model: type[Form], model: str | None = None, **more: Any
    ) -> Form:
        """One call of a job whose answer is an object."""
        more = {"response_format": _ask.schema_of(response_model), **more}
        said = await self.chat(job_id, messages, model, **more)
        return _ask.parse(response_model, said.text)

    async def create_and_call(
        self, job_type: str, messages: Messages, model: str | None = None, **more: Any
    ) -> SingleCall:
        """A job of one call, made and completed at once."""
        asked = _ask.create_and_call(self.team_id, job_type, messages, model, more, self.client.timeout)
        return await self.client._answer(asked, SingleCall)

    async def get_job(self, job_id: str) -> Job:
        """A job as it stands."""
        return await self.client._answer(_ask.get_job(job_id, self.client.timeout), Job)

    async def complete_job(
        self,
        job_id: str,
        status: JobStatus = "completed",
        metadata: Mapping[str, Any] | None = None,
        *,
        error_message: str | None = None,
    ) -> JobCompletion:
        """Ends a job."""
        asked = _ask.complete_job(job_id, status, metadata, error_message, self.client.timeout)
        return await self.client._answer(asked, JobCompletion)


class SaaSLLMClient(AsyncJobs):
    """The jobs of one team by the team's key, as programs for SaaS LiteLLM use them."""

    def __init__(
        self, base_url: str, team_id: str, virtual_key: str, timeout: float | None = None, **options: Any
    ) -> None:
        super().__init__(AsyncClient(base_url, virtual_key, timeout=timeout, **options), team_id)

    async def close(self) -> None:
        """Closes the connections."""
        await self.client.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
