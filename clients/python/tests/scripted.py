"""A server that answers as a case says, with the faults that it says."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import time
from typing import Any

#: The pause between two bytes of an answer that drips, in seconds.
DRIP_S = 0.05


class ScriptedServer:
    """Answers the requests of a connection, and keeps what it was asked."""

    def __init__(self, answers: list[dict[str, Any]]) -> None:
        self.answers = list(answers)
        self.requests: list[dict[str, Any]] = []
        #: How many connections there were.
        self.connections = 0
        self.held: list[socket.socket] = []
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._serve, daemon=True)]

    def __enter__(self) -> ScriptedServer:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        # Closing a listener does not wake up who waits at it.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)
        for each in self.held:
            each.close()

    def wait_until_asked(self) -> None:
        """Waits until all answers were asked for: a client that gives up does not wait for that."""
        end = time.monotonic() + 10
        while self.answers and time.monotonic() < end:
            self._over.wait(0.01)

    def is_let_go(self) -> bool:
        """Whether the connection that is held was closed at its other end."""
        try:
            return self.held[-1].recv(1) == b""
        except ConnectionError:
            return True

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._converse, args=[connection], daemon=True)
            self._threads.append(thread)
            thread.start()

    def _converse(self, connection: socket.socket) -> None:
        connection.settimeout(10)
        with contextlib.suppress(OSError):
            while self._answer(connection):
                pass

    def _answer(self, connection: socket.socket) -> bool:
        """Answers a request. Returns whether another one may come on this connection."""
        request = _request(connection)
        if request is None:
            connection.close()
            return False
        self.requests.append(request)
        answer = self.answers.pop(0) if self.answers else {"status": 599, "text": "nothing is left to answer"}
        sent, ending = _written(answer)
        if ending == "drip":
            self._drip(connection, sent, 0 if answer["fault"] == "drip-head" else sent.index(b"\r\n\r\n") + 4)
            return False
        if ending == "hold":
            self.held.append(connection)
        connection.sendall(sent)
        if ending == "keep":
            return True
        if ending == "hold":
            return False
        if ending == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            # What was sent must have been read before it is reset.
            threading.Timer(1, connection.close).start()
            return False
        connection.close()
        return False

    def _drip(self, connection: socket.socket, sent: bytes, at: int) -> None:
        """Sends what stands before `at` at once, and the rest byte by byte."""
        with connection:
            connection.sendall(sent[:at])
            for byte in sent[at:]:
                if self._over.wait(DRIP_S):
                    return
                connection.sendall(bytes([byte]))


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
    """The bytes of an answer, and what happens after them: close, keep, hold, reset, or that they drip."""
    fault = answer.get("fault")
    if "status" not in answer and "events" not in answer and "raw" not in answer:
        return b"", {"silence": "hold", "close": "close"}[answer["fault"]]
    if "events" in answer or "raw" in answer:
        sent, ending = _stream(answer)
    else:
        text = json.dumps(answer["json"]) if "json" in answer else answer["text"]
        body = (text + _filling(answer)).encode()
        head = _head(answer, answer["status"], {"content-length": str(len(body))})
        if fault in ("half", "torn"):
            return head + body[: len(body) // 2], {"half": "hold", "torn": "close"}[fault]
        sent, ending = head + body, "close"
    if fault in ("drip", "drip-head"):
        return sent, "drip"
    return sent, "keep" if answer.get("keep") else ending


def _stream(answer: dict[str, Any]) -> tuple[bytes, str]:
    ending = answer.get("ending", "eof")
    text = answer.get("raw", "") + _filling(answer)
    text += "".join(f"data: {json.dumps(event)}\n\n" for event in answer.get("events", []))
    if ending == "done":
        text += ("\n\n" if "fill" in answer else "") + "data: [DONE]\n\n"
    data = text.encode()
    size = answer.get("pieces", len(data))
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    headers = {"content-type": "text/event-stream", "transfer-encoding": "chunked"}
    sent = _head(answer, 200, headers) + b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    if ending == "silence":
        return sent, "hold"
    if ending == "reset":
        return sent, "reset"
    return sent + b"0\r\n\r\n", "close"


def _filling(answer: dict[str, Any]) -> str:
    """What a text goes on with: another one, so many times."""
    text, times = answer.get("fill", ("", 0))
    return str(text) * int(times)


def _head(answer: dict[str, Any], status: int, own: dict[str, str]) -> bytes:
    headers = {**own, **answer.get("headers", {})}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    connection = "keep-alive" if answer.get("keep") else "close"
    return f"HTTP/1.1 {status} Scripted\r\nconnection: {connection}\r\n{lines}\r\n".encode()
