"""The client that waits, and its jobs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar, Unpack

import httpx

from . import _ask
from ._ask import Asked
from ._caller import LEAVE_S, LIMITS, Caller, Habits, Stream, shown_as
from ._deadline import bounded, deadline
from ._exchange import Exchange
from ._stream import ChunkReader
from .errors import APIError
from .types import ChatChunk

_P = ParamSpec("_P")
_Out = TypeVar("_Out")


class _Closing:
    """What is closed at the end of a `with`."""

    def close(self) -> None:
        """Lets go."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class ChatStream(_Closing, Stream, Iterator[ChatChunk]):
    """The chunks of an answer as they come. `text` is what came until now.

    Close it, or use it in a `with`, unless it is read to its end.
    """

    def __init__(self, client: Client, asked: Asked[ChatChunk]) -> None:
        super().__init__()
        self._chunks = client._streamed(asked, self._reader)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> ChatChunk:
        return next(self._chunks)

    def close(self) -> None:
        """Ends the answer; the gateway stops the provider."""
        self._chunks.close()


class _Asking:
    """Whatever asks by a client."""

    _client: Client


def _waiting(ask: Callable[Concatenate[Any, _P], Asked[_Out]]) -> Callable[Concatenate[_Asking, _P], _Out]:
    """A method that asks and returns what comes back."""

    @shown_as(ask)
    def method(self: _Asking, *args: _P.args, **kwargs: _P.kwargs) -> _Out:
        return self._client._answer(ask(self, *args, **kwargs))

    return method


def _streaming(ask: Callable[Concatenate[Any, _P], Asked[ChatChunk]]) -> Callable[Concatenate[_Asking, _P], ChatStream]:
    """A method that asks and returns a stream."""

    @shown_as(ask, "ChatStream")
    def method(self: _Asking, *args: _P.args, **kwargs: _P.kwargs) -> ChatStream:
        return ChatStream(self._client, ask(self, *args, **kwargs))

    return method


class Client(_Closing, Caller, _Asking):
    """Talks to a gateway and waits for its answers. Threads may share it.

    `timeout` holds for every request, in seconds: above 0, and a day where it is longer, since the gateway
    waits no longer either. Without it each endpoint has its own.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        timeout: float | None = None,
        http_client: httpx.Client | None = None,
        **habits: Unpack[Habits],
    ) -> None:
        super().__init__(base_url, api_key, timeout, habits)
        self._client = self
        self._http = bounded(http_client or httpx.Client(limits=LIMITS))

    chat = _waiting(_ask.chat)
    chat_stream = _streaming(_ask.chat_stream)
    models = _waiting(_ask.models)
    jobs_of_team = _waiting(_ask.jobs_of_team)
    job_of_team = _waiting(_ask.job_of_team)
    organization_stats = _waiting(_ask.organization_stats)
    organization_analytics = _waiting(_ask.organization_analytics)

    def jobs(self, team_id: str) -> Jobs:
        """The jobs of a team."""
        return Jobs(self, team_id)

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def _answer(self, asked: Asked[_Out]) -> _Out:
        with self.core.begin(asked) as exchange:
            answer = self._tried(exchange, self._whole)
        result: _Out = asked.then(answer)
        return result

    def _tried(self, exchange: Exchange, once: Callable[[Exchange], Any]) -> Any:
        while True:
            try:
                return once(exchange)
            except APIError as error:
                self.core.clock.sleep(exchange.wait(error))

    def _whole(self, exchange: Exchange) -> Any:
        with (
            exchange.attempted() as received,
            deadline(exchange.timeout),
            self._http.stream(**exchange.request()) as response,
        ):
            received.begins(response)
            for piece in response.iter_bytes():
                if not received.takes(piece):
                    break
        return received.whole()

    def _opened(self, exchange: Exchange) -> Any:
        with exchange.attempted() as received, deadline(exchange.timeout), contextlib.ExitStack() as open_until:
            response = open_until.enter_context(self._http.stream(**exchange.request()))
            if received.begins(response):
                return response, open_until.pop_all()
            for piece in response.iter_bytes():
                if not received.takes(piece):
                    break
        return received.whole()

    def _streamed(self, asked: Asked[ChatChunk], reader: ChunkReader) -> Generator[ChatChunk, None, None]:
        with self.core.begin(asked) as exchange:
            response, open_until = self._tried(exchange, self._opened)
            exchange.begins()
            reader.begins(response, exchange.request_id)
            with open_until, reader.reading(exchange.timeout):
                pieces = response.iter_raw()
                for piece in pieces:
                    yield from reader.feed(piece)
                    if reader.is_over:
                        return self._leave(pieces)
                reader.end()
        return None

    def _leave(self, pieces: Iterator[bytes]) -> None:
        """Reads the end of the body, so that its connection can be used again."""
        with contextlib.suppress(httpx.HTTPError), deadline(LEAVE_S):
            for _ in pieces:
                pass


class Jobs(_Asking):
    """The jobs of one team, for clients that wait."""

    def __init__(self, client: Client, team_id: str) -> None:
        self.client = self._client = client
        self.team_id = team_id

    create_job = _waiting(_ask.create_job)
    chat = _waiting(_ask.job_chat)
    chat_stream = _streaming(_ask.job_chat_stream)
    structured_output = _waiting(_ask.structured_output)
    create_and_call = _waiting(_ask.create_and_call)
    create_and_call_stream = _streaming(_ask.create_and_call_stream)
    complete_job = _waiting(_ask.complete_job)
    get_job = _waiting(_ask.get_job)
    update_metadata = _waiting(_ask.update_metadata)
    job_costs = _waiting(_ask.job_costs)
    list_jobs = _waiting(_ask.list_jobs)
    team_usage = _waiting(_ask.team_usage)


class SyncSaaSLLMClient(_Closing, Jobs):
    """`SaaSLLMClient` for programs that wait."""

    def __init__(
        self,
        base_url: str,
        team_id: str,
        virtual_key: str,
        timeout: float | None = None,
        *,
        http_client: httpx.Client | None = None,
        **habits: Unpack[Habits],
    ) -> None:
        client = Client(base_url, virtual_key, timeout=timeout, http_client=http_client, **habits)
        super().__init__(client, team_id)

    def close(self) -> None:
        """Closes the connections."""
        self.client.close()
