"""Bytes of a stream of events, as chunks."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

import httpx
from pydantic import ValidationError as Mismatch

from . import _failures
from .errors import StreamInterruptedError, StreamTimeoutError
from .types import ChatChunk

#: The longest event that is read, all of its lines together.
LONGEST_EVENT = 1024 * 1024
_MARK = b"\xef\xbb\xbf"


class ChunkReader:
    """Reads the chunks of one answer and keeps the text that came until now."""

    def __init__(self) -> None:
        self.request_id: str | None = None
        self.job_id: str | None = None
        self.call_id: str | None = None
        self.text = ""
        self.is_over = False
        self._buffer = b""
        #: How far the buffer was looked through for the end of its first line.
        self._seen = 0
        self._data: list[bytes] = []
        self._size = 0
        self._has_begun = False

    def begins(self, response: httpx.Response, request_id: str) -> None:
        """Notes the head of the answer."""
        self.request_id = response.headers.get("x-request-id") or request_id
        self.job_id = response.headers.get("x-tollgate-job-id")
        self.call_id = response.headers.get("x-tollgate-call-id")

    @contextlib.contextmanager
    def reading(self, patience: float) -> Iterator[None]:
        """Raises what happens to the connection as an exception with the text."""
        try:
            yield
        except httpx.TimeoutException as error:
            raise self._stopped(StreamTimeoutError, f"nothing came from the stream within {patience:g} s") from error
        except httpx.HTTPError as error:
            raise self.interrupted(f"the connection broke within the stream: {error}") from error

    def feed(self, received: bytes) -> Iterator[ChatChunk]:
        """Yields what is whole by now. Raises where the stream says that it failed."""
        self._buffer += received
        if not self._has_begun and len(self._buffer) >= len(_MARK):
            self._buffer, self._has_begun = self._buffer.removeprefix(_MARK), True
        while not self.is_over:
            line = self._line()
            if line is None:
                break
            self._has_begun = True
            self._size += len(line)
            if self._size > LONGEST_EVENT:
                break
            if line.startswith(b"data:"):
                value = line[5:]
                self._data.append(value[1:] if value.startswith(b" ") else value)
            elif not line:
                data, self._data, self._size = b"\n".join(self._data), [], 0
                chunk = self._chunk(data) if data else None
                if chunk is not None:
                    yield chunk
        if self._size + len(self._buffer) > LONGEST_EVENT and not self.is_over:
            raise self.interrupted("an event of the stream is larger than 1 MiB")

    def end(self) -> None:
        """The connection ended. Raises unless the stream had said that it would."""
        for _ in self.feed(b"\n\n"):
            break
        if not self.is_over:
            raise self.interrupted("the stream ended before its end; what came so far is not the whole answer")

    def _line(self) -> bytes | None:
        """Takes the first whole line out of the buffer, and returns it without its end."""
        buffer, size = self._buffer, len(self._buffer)
        feed, back = buffer.find(b"\n", self._seen), buffer.find(b"\r", self._seen)
        # Behind a last carriage return the other half of the line's end may follow.
        if back >= 0 and (feed < 0 or back < feed):
            if back + 1 == size:
                self._seen = back
                return None
            end, rest = back, back + (2 if feed == back + 1 else 1)
        elif feed >= 0:
            end, rest = feed, feed + 1
        else:
            self._seen = size
            return None
        self._buffer, self._seen = buffer[rest:], 0
        return buffer[:end]

    def interrupted(self, message: str) -> StreamInterruptedError:
        """The exception with what came until now."""
        return self._stopped(StreamInterruptedError, message)

    def _stopped(self, kind: type[StreamInterruptedError], message: str) -> StreamInterruptedError:
        error = kind(message, code="stream_interrupted", request_id=self.request_id, retryable=True)
        error.partial = self.text
        return error

    def _chunk(self, data: bytes) -> ChatChunk | None:
        if data.strip() == b"[DONE]":
            self.is_over = True
            return None
        try:
            event = json.loads(data)
            if isinstance(event, dict) and not _failures.is_failure(event):
                chunk = ChatChunk.model_validate(event)
                self.text += chunk.text
                return chunk
        except (ValueError, RecursionError, Mismatch):
            raise self.interrupted("an event of the stream cannot be read") from None
        if isinstance(event, dict):
            raise _failures.of_event(event, self.text, self.request_id)
        raise self.interrupted("an event of the stream cannot be read")
