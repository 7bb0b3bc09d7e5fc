"""Bytes of a stream of events, as chunks."""

from __future__ import annotations

import json
from collections.abc import Iterator

from pydantic import ValidationError as Mismatch

from . import _failures
from .errors import StreamInterruptedError, StreamTimeoutError
from .types import ChatChunk

#: The longest event that is read.
_LONGEST = 1024 * 1024
_MARK = b"\xef\xbb\xbf"


class ChunkReader:
    """Reads the chunks of one answer and keeps the text that came until now."""

    def __init__(self, request_id: str | None) -> None:
        self.request_id = request_id
        self.text = ""
        self.is_over = False
        self._buffer = b""
        self._data: list[bytes] = []
        self._has_begun = False

    def feed(self, received: bytes) -> Iterator[ChatChunk]:
        """Yields what is whole by now. Raises where the stream says that it failed."""
        self._buffer += received
        if not self._has_begun and len(self._buffer) >= len(_MARK):
            self._buffer, self._has_begun = self._buffer.removeprefix(_MARK), True
        while not self.is_over:
            line, rest = _line(self._buffer)
            if line is None:
                break
            self._buffer, self._has_begun = rest, True
            if line.startswith(b"data:"):
                value = line[5:]
                self._data.append(value[1:] if value.startswith(b" ") else value)
            elif not line and self._data:
                data, self._data = b"\n".join(self._data), []
                chunk = self._chunk(data)
                if chunk is not None:
                    yield chunk
        if len(self._buffer) > _LONGEST:
            raise self.interrupted("an event of the stream is too long")

    def end(self) -> None:
        """The connection ended. Raises unless the stream had said that it would."""
        for _ in self.feed(b"\n\n"):
            break
        if not self.is_over:
            raise self.interrupted("the stream ended before its end; what came so far is not the whole answer")

    def interrupted(self, message: str) -> StreamInterruptedError:
        """The exception with what came until now."""
        return self._with_partial(StreamInterruptedError, message)

    def silent(self, seconds: float) -> StreamInterruptedError:
        """The exception for a stream of which nothing came for so long."""
        return self._with_partial(StreamTimeoutError, f"nothing came from the stream within {seconds:g} s")

    def _with_partial(self, kind: type[StreamInterruptedError], message: str) -> StreamInterruptedError:
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
        except (ValueError, Mismatch):
            raise self.interrupted("an event of the stream cannot be read") from None
        if isinstance(event, dict):
            raise _failures.of_event(event, self.text, self.request_id)
        raise self.interrupted("an event of the stream cannot be read")


def _line(buffer: bytes) -> tuple[bytes | None, bytes]:
    """The first whole line, without its end, and what follows."""
    feed, back = buffer.find(b"\n"), buffer.find(b"\r")
    if back < 0 or 0 <= feed < back:
        return (None, buffer) if feed < 0 else (buffer[:feed], buffer[feed + 1 :])
    if back + 1 == len(buffer):
        # The other half of the line's end may follow.
        return None, buffer
    return buffer[:back], buffer[back + (2 if feed == back + 1 else 1) :]
