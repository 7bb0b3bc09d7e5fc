"""The client that does not keep others from running, and its jobs."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar, Unpack
from weakref import WeakKeyDictionary

import anyio
import anyio.lowlevel
import httpx

from . import _ask
from ._ask import Asked
from ._caller import LEAVE_S, LIMITS, Caller, Habits, Stream, shown_as
from ._exchange import Exchange
from ._stream import ChunkReader
from .errors import APIError
from .types import ChatChunk

_P = ParamSpec("_P")
_Out = TypeVar("_Out")


class _AsyncClosing:
    """What is closed at the end of an `async with`."""

    async def close(self) -> None:
        """Lets go."""
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class AsyncChatStream(_AsyncClosing, Stream, AsyncIterator[ChatChunk]):
    """The chunks of an answer as they come. `text` is what came until now.

    Close it, or use it in an `async with`, unless it is read to its end.
    """

    def __init__(self, client: AsyncClient, asked: Asked[ChatChunk]) -> None:
        super().__init__()
        self._chunks = client._streamed(asked, self._reader)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ChatChunk:
        return await self._chunks.__anext__()

    async def close(self) -> None:
        """Ends the answer; the gateway stops the provider."""
        await self._chunks.aclose()

    aclose = close


class _AsyncAsking:
    """Whatever asks by a client."""

    _client: AsyncClient


def _awaiting(
    ask: Callable[Concatenate[Any, _P], Asked[_Out]],
) -> Callable[Concatenate[_AsyncAsking, _P], Coroutine[Any, Any, _Out]]:
    """A method that asks and, when it is awaited, returns what comes back."""

    @shown_as(ask)
    async def method(self: _AsyncAsking, *args: _P.args, **kwargs: _P.kwargs) -> _Out:
        return await self._client._answer(ask(self, *args, **kwargs))

    return method


def _streaming(
    ask: Callable[Concatenate[Any, _P], Asked[ChatChunk]],
) -> Callable[Concatenate[_AsyncAsking, _P], AsyncChatStream]:
    """A method that asks and returns a stream."""

    @shown_as(ask, "AsyncChatStream")
    def method(self: _AsyncAsking, *args: _P.args, **kwargs: _P.kwargs) -> AsyncChatStream:
        return AsyncChatStream(self._client, ask(self, *args, **kwargs))

    return method


class AsyncClient(_AsyncClosing, Caller, _AsyncAsking):
    """Talks to a gateway. Tasks may share it, also those of several event loops, each of which has connections
    of its own.

    `timeout` holds for every request, in seconds: above 0, and a day where it is longer, since the gateway
    waits no longer either. Without it each endpoint has its own.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        timeout: float | None = None,
        http_client: httpx.AsyncClient | None = None,
        **habits: Unpack[Habits],
    ) -> None:
        super().__init__(base_url, api_key, timeout, habits)
        self._client = self
        self._given = http_client
        self._https: WeakKeyDictionary[Any, httpx.AsyncClient] = WeakKeyDictionary()
        self._lock = threading.Lock()

    chat = _awaiting(_ask.chat)
    chat_stream = _streaming(_ask.chat_stream)
    models = _awaiting(_ask.models)
    jobs_of_team = _awaiting(_ask.jobs_of_team)
    job_of_team = _awaiting(_ask.job_of_team)
    organization_stats = _awaiting(_ask.organization_stats)
    organization_analytics = _awaiting(_ask.organization_analytics)

    def jobs(self, team_id: str) -> AsyncJobs:
        """The jobs of a team."""
        return AsyncJobs(self, team_id)

    async def close(self) -> None:
        """Closes the connections of this event loop."""
        http = self._given or self._https.get(anyio.lowlevel.current_token().native_token)
        if http is not None:
            await http.aclose()

    def _http(self) -> httpx.AsyncClient:
        """The connections of the event loop that runs: those of another one cannot be used."""
        if self._given is not None:
            return self._given
        loop = anyio.lowlevel.current_token().native_token
        with self._lock:
            found = self._https.get(loop)
            if found is None:
                found = self._https[loop] = httpx.AsyncClient(limits=LIMITS)
            return found

    async def _answer(self, asked: Asked[_Out]) -> _Out:
        with self.core.begin(asked) as exchange:
            answer = await self._tried(exchange, self._whole)
        result: _Out = asked.then(answer)
        return result

    async def _tried(self, exchange: Exchange, once: Callable[[Exchange], Awaitable[Any]]) -> Any:
        while True:
            try:
                return await once(exchange)
            except APIError as error:
                await self.core.clock.sleep_async(exchange.wait(error))

    async def _whole(self, exchange: Exchange) -> Any:
        # The library's timeouts begin anew with every byte; this one does not.
        with exchange.attempted() as received, anyio.fail_after(exchange.timeout):
            async with self._http().stream(**exchange.request()) as response:
                received.begins(response)
                async for piece in response.aiter_bytes():
                    if not received.takes(piece):
                        break
        return received.whole()

    async def _opened(self, exchange: Exchange) -> Any:
        with exchange.attempted() as received, anyio.fail_after(exchange.timeout):
            async with contextlib.AsyncExitStack() as open_until:
                response = await open_until.enter_async_context(self._http().stream(**exchange.request()))
                if received.begins(response):
                    return response, open_until.pop_all()
                async for piece in response.aiter_bytes():
                    if not received.takes(piece):
                        break
        return received.whole()

    async def _streamed(self, asked: Asked[ChatChunk], reader: ChunkReader) -> AsyncGenerator[ChatChunk, None]:
        with self.core.begin(asked) as exchange:
            response, open_until = await self._tried(exchange, self._opened)
            exchange.begins()
            reader.begins(response, exchange.request_id)
            async with open_until:
                with reader.reading(exchange.timeout):
                    pieces = response.aiter_raw()
                    async for piece in pieces:
                        for chunk in reader.feed(piece):
                            yield chunk
                        if reader.is_over:
                            await self._leave(pieces)
                            return
                    reader.end()

    async def _leave(self, pieces: AsyncIterator[bytes]) -> None:
        """Reads the end of the body, so that its connection can be used again."""
        with contextlib.suppress(httpx.HTTPError), anyio.move_on_after(LEAVE_S):
            async for _ in pieces:
                pass


class AsyncJobs(_AsyncAsking):
    """The jobs of one team."""

    def __init__(self, client: AsyncClient, team_id: str) -> None:
        self.client = self._client = client
        self.team_id = team_id

    create_job = _awaiting(_ask.create_job)
    chat = _awaiting(_ask.job_chat)
    chat_stream = _streaming(_ask.job_chat_stream)
    structured_output = _awaiting(_ask.structured_output)
    create_and_call = _awaiting(_ask.create_and_call)
    create_and_call_stream = _streaming(_ask.create_and_call_stream)
    complete_job = _awaiting(_ask.complete_job)
    get_job = _awaiting(_ask.get_job)
    update_metadata = _awaiting(_ask.update_metadata)
    job_costs = _awaiting(_ask.job_costs)
    list_jobs = _awaiting(_ask.list_jobs)
    team_usage = _awaiting(_ask.team_usage)


class SaaSLLMClient(_AsyncClosing, AsyncJobs):
    """The jobs of one team by the team's key, as programs for SaaS LiteLLM use them."""

    def __init__(
        self,
        base_url: str,
        team_id: str,
        virtual_key: str,
        timeout: float | None = None,
        *,
        http_client: httpx.AsyncClient | None = None,
        **habits: Unpack[Habits],
    ) -> None:
        client = AsyncClient(base_url, virtual_key, timeout=timeout, http_client=http_client, **habits)
        super().__init__(client, team_id)

    async def close(self) -> None:
        """Closes the connections of this event loop."""
        await self.client.close()
