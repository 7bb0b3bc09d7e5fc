"""A server that answers as a case says, with the faults that it says."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
from typing import Any


class ScriptedServer:
    """Answers one request per connection, and keeps what it was asked."""

    def __init__(self, answers: list[dict[str, Any]]) -> None:
        self.answers = list(answers)
        self.requests: list[dict[str, Any]] = []
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> ScriptedServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # Closing a listener does not wake up who waits at it.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)
        for each in self._open:
            each.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError):
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        connection.settimeout(10)
        request = _request(connection)
        if request is None:
            connection.close()
            return
        self.requests.append(request)
        answer = self.answers.pop(0) if self.answers else {"status": 599, "text": "nothing is left to answer"}
        sent, ending = _written(answer)
        connection.sendall(sent)
        if ending == "hold":
            self._open.append(connection)
            return
        if ending == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            # What was sent must have been read before it is reset.
            threading.Timer(0.1, connection.close).start()
            return
        connection.close()


def _request(connection: socket.socket) -> dict[str, Any] | None:
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(65536)
        if not piece:
            return None
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        body += connection.recv(65536)
    return {"method": method, "path": path, "headers": headers, "body": json.loads(body) if body else None}


def _written(answer: dict[str, Any]) -> tuple[bytes, str]:
    """The bytes of an answer, and what happens after them: close, hold or reset."""
    fault = answer.get("fault")
    if "status" not in answer and fault:
        return b"", {"silence": "hold", "close": "close"}[fault]
    if "events" in answer or "raw" in answer:
        return _stream(answer)
    body = json.dumps(answer["json"]).encode() if "json" in answer else answer["text"].encode()
    head = _head(answer["status"], {"content-length": str(len(body)), **answer.get("headers", {})})
    if fault in ("half", "torn"):
        return head + body[: len(body) // 2], {"half": "hold", "torn": "close"}[fault]
    return head + body, "close"


def _stream(answer: dict[str, Any]) -> tuple[bytes, str]:
    ending = answer.get("ending", "eof")
    text = answer.get("raw", "") + "".join(f"data: {json.dumps(event)}\n\n" for event in answer.get("events", []))
    data = (text + ("data: [DONE]\n\n" if ending == "done" else "")).encode()
    size = answer.get("pieces", len(data))
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    headers = {"content-type": "text/event-stream", "transfer-encoding": "chunked", **answer.get("headers", {})}
    sent = _head(200, headers) + b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    if ending == "silence":
        return sent, "hold"
    if ending == "reset":
        return sent, "reset"
    return sent + b"0\r\n\r\n", "close"


def _head(status: int, headers: dict[str, str]) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} Scripted\r\nconnection: close\r\n{lines}\r\n".encode()
