"""What the table cannot say: logs, streams that nobody reads to their end, what is written in the README."""

from __future__ import annotations

import asyncio
import inspect
import logging
import pathlib
import pickle
import re
import socket
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

import tollgate
from scripted import ScriptedServer
from tollgate import _ask

KEY = "sk-test-canary"
HELLO = [{"role": "user", "content": "a secret question"}]
CHUNK = {"choices": [{"index": 0, "delta": {"content": "a"}}]}
DONE = {"status": 200, "json": {"choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}}]}}


def test_what_is_logged_has_ids_and_no_key(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="tollgate")
    failure = {"status": 503, "headers": {"retry-after-ms": "0"}, "json": {"detail": "no"}}
    refusal = {"status": 404, "headers": {"x-request-id": "req_gateway"}, "json": {"detail": "Job not found"}}
    with ScriptedServer([failure, DONE, refusal]) as server, tollgate.Client(server.address, KEY) as client:
        client.chat(HELLO)
        with pytest.raises(tollgate.NotFoundError):
            client.jobs("acme").get_job("job_1")
    told = [record for record in caplog.records if record.name == "tollgate"]
    assert [(record.levelname, vars(record)["attempt"]) for record in told if record.levelname != "DEBUG"] == [
        ("WARNING", 1),
        ("INFO", 2),
        ("ERROR", 1),
    ]
    ids = [vars(record)["request_id"] for record in told]
    assert ids[0].startswith("cli_")
    assert ids[2] == f"{ids[0]}.2"
    assert ids[-1] == "req_gateway"
    everything = "".join(f"{record.getMessage()} {record.__dict__}" for record in told)
    assert KEY not in everything
    assert "secret question" not in everything


def test_no_key_is_shown() -> None:
    client = tollgate.Client("http://gate", KEY)
    exchange = client.core.begin(_ask.models(client))
    assert KEY not in f"{client!r} {client.core!r} {exchange!r} {exchange.request()!r}"
    client.close()


def test_an_error_carries_its_answer_and_no_key_wherever_it_is_sent() -> None:
    refusal = {"status": 404, "headers": {"x-answer": "yes"}, "json": {"detail": "Job not found"}}
    with (
        ScriptedServer([refusal]) as server,
        tollgate.Client(server.address, KEY) as client,
        pytest.raises(tollgate.NotFoundError) as caught,
    ):
        client.jobs("acme").get_job("job_1")
    assert caught.value.response is not None
    assert caught.value.response.headers["x-answer"] == "yes"
    assert caught.value.response.json() == {"detail": "Job not found"}
    sent = pickle.dumps(caught.value)
    assert KEY.encode() not in sent
    assert KEY not in "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    received = pickle.loads(sent)
    assert (type(received), received.status, str(received)) == (tollgate.NotFoundError, 404, "Job not found")


@pytest.mark.parametrize("timeout", [0, -1, -0.5, float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("kind", [tollgate.Client, tollgate.AsyncClient])
def test_a_timeout_that_is_none_is_refused_at_once(timeout: float, kind: type[Any]) -> None:
    with pytest.raises(ValueError, match="seconds above 0"):
        kind("http://gate", KEY, timeout=timeout)


@pytest.mark.parametrize(
    ("timeout", "times", "expected"),
    [
        (7200, 1.5, 10800),
        (16 * 3600, 1.5, 86400),
        (17 * 3600, 1.5, 86400),
        (86400, 1.5, 86400),
        (1e300, 1.5, 86400),
        (10**400, 1.5, 86400),
        (7200, float("inf"), 86400),
        (7200, 0.5, 3600),
        (7200, 0, 7200),
        (7200, -1, 7200),
        (7200, float("nan"), 7200),
    ],
)
def test_a_timeout_grows_to_a_day_at_most(timeout: float, times: float, expected: float) -> None:
    retry = tollgate.RetryPolicy(more_time=times)
    with tollgate.Client("http://gate", KEY, timeout=timeout, retry=retry) as client:
        exchange = client.core.begin(_ask.models(client))
        exchange.request()
        exchange.wait(tollgate.APITimeoutError("late", retryable=True))
        assert exchange.timeout == expected
        assert exchange.request()["headers"]["x-tollgate-timeout-ms"] == str(expected * 1000)


@pytest.mark.parametrize("key", ["", "sk-canary\n", "sk canary", "sk-canaryä", "sk-canary\x7f"])
def test_a_key_that_cannot_be_sent_is_refused_at_once_and_not_shown(key: str) -> None:
    with pytest.raises(ValueError, match="the key is empty, or holds") as caught:
        tollgate.AsyncClient("http://gate", key)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("address", ["gate:4000", "ftp://gate", "", "http://"])
def test_what_is_no_address_is_told_at_once(address: str) -> None:
    with pytest.raises(ValueError, match="is no address of a gateway"):
        tollgate.Client(address, KEY)


def test_an_address_has_no_room_for_secrets() -> None:
    with pytest.raises(ValueError, match="give the key beside it") as caught:
        tollgate.Client("http://me:canary@gate", KEY)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("prefix", ["", "/", "/v1", "/api/", "/api/v1"])
def test_an_address_may_come_with_a_prefix(prefix: str) -> None:
    client = tollgate.Client(f"http://gate:4000{prefix}", KEY)
    assert client.core.base_url == "http://gate:4000"
    client.close()


def test_a_stream_that_is_closed_early_is_no_error_and_lets_go() -> None:
    answer = {"events": [CHUNK], "ending": "silence"}
    with ScriptedServer([answer]) as server, tollgate.Client(server.address, KEY) as client:
        with client.chat_stream(HELLO) as stream:
            assert next(stream).text == "a"
            assert stream.text == "a"
        assert server.is_let_go()
        assert client.metrics.get_stats()["total_errors"] == 0
        assert client.breaker is not None
        assert client.breaker.failures == 0


@pytest.mark.parametrize("way", ["closed", "cancelled"])
def test_a_stream_that_nobody_waits_for_any_more_lets_go(way: str) -> None:
    async def scene(server: ScriptedServer) -> None:
        async with tollgate.AsyncClient(server.address, KEY) as client:
            stream = client.chat_stream(HELLO)
            assert (await anext(stream)).text == "a"
            if way == "closed":
                await stream.aclose()
            else:
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await anext(stream)
            assert server.is_let_go()
            assert client.breaker is not None
            assert client.breaker.failures == 0
            assert client.metrics.get_stats()["total_requests"] == 1

    with ScriptedServer([{"events": [CHUNK], "ending": "silence"}]) as server:
        asyncio.run(scene(server))


def test_a_task_that_is_cancelled_lets_the_next_probe_through() -> None:
    async def scene(address: str) -> None:
        breaker = tollgate.CircuitBreaker(failure_threshold=1, timeout=0)
        async with tollgate.AsyncClient(address, KEY, breaker=breaker, retry=tollgate.NO_RETRIES) as client:
            with pytest.raises(tollgate.ServerError):
                await client.chat(HELLO)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await client.chat(HELLO)
            states: list[str] = [breaker.state]
            assert (await client.chat(HELLO)).text == "hi"
            states.append(breaker.state)
            assert states == ["open", "closed"]

    answers: list[dict[str, Any]] = [{"status": 503, "json": {"detail": "no"}}, {"fault": "silence"}, DONE]
    with ScriptedServer(answers) as server:
        asyncio.run(scene(server.address))


def test_a_stream_as_the_probe_lets_others_through_when_it_begins() -> None:
    answers: list[dict[str, Any]] = [{"status": 503, "json": {}}, {"events": [CHUNK], "ending": "silence"}, DONE]
    breaker = tollgate.CircuitBreaker(failure_threshold=1, timeout=0)
    with (
        ScriptedServer(answers) as server,
        tollgate.Client(server.address, KEY, breaker=breaker, retry=tollgate.NO_RETRIES) as client,
    ):
        with pytest.raises(tollgate.ServerError):
            client.chat(HELLO)
        with client.chat_stream(HELLO) as stream:
            assert next(stream).text == "a"
            assert breaker.state == "closed"
            assert client.chat(HELLO).text == "hi"


def test_of_many_threads_one_gets_to_probe() -> None:
    breaker = tollgate.CircuitBreaker(failure_threshold=1, timeout=60)
    breaker.settle(breaker.admit(0), tollgate.ServerError("no"), 0)
    together = threading.Barrier(16)

    def ask(_: int) -> bool:
        together.wait()
        try:
            breaker.admit(60)
        except tollgate.CircuitOpenError:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(ask, range(16))) == 1
    assert breaker.state == "half_open"


def test_threads_may_share_a_client() -> None:
    kept = {**DONE, "keep": True}
    with ScriptedServer([kept] * 64) as server, tollgate.Client(server.address, KEY) as client:
        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(lambda _: client.chat(HELLO).text, range(64))) == {"hi"}
        assert client.metrics.get_stats()["total_requests"] == 64
        assert server.connections <= 8
        keys = {request["headers"]["idempotency-key"] for request in server.requests}
        assert len(keys) == 64


def test_a_client_goes_on_in_another_event_loop() -> None:
    with ScriptedServer([{**DONE, "keep": True}] * 4) as server:
        client = tollgate.AsyncClient(server.address, KEY, retry=tollgate.NO_RETRIES)

        async def twice() -> None:
            for _ in range(2):
                assert (await client.chat(HELLO)).text == "hi"
            await client.close()

        asyncio.run(twice())
        asyncio.run(twice())
        assert server.connections == 2


def test_a_client_of_the_caller_is_used_and_keeps_to_the_time_of_an_answer() -> None:
    dripping = {**DONE, "fault": "drip"}
    with ScriptedServer([DONE, dripping]) as server, httpx.Client(headers={"x-own": "yes"}) as own:
        client = tollgate.Client(server.address, KEY, http_client=own, timeout=0.3, retry=tollgate.NO_RETRIES)
        assert client.chat(HELLO).text == "hi"
        with pytest.raises(tollgate.APITimeoutError):
            client.chat(HELLO)
        assert server.requests[0]["headers"]["x-own"] == "yes"


def test_a_large_request_keeps_to_the_time_where_nobody_reads_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        address = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        with tollgate.Client(address, KEY, timeout=0.3, retry=tollgate.NO_RETRIES) as client:
            begin = time.monotonic()
            with pytest.raises(tollgate.APITimeoutError):
                client.chat([{"role": "user", "content": "x" * 50_000_000}])
            assert time.monotonic() - begin < 5


def test_methods_look_like_what_they_ask() -> None:
    for kind, stream in ((tollgate.Jobs, "ChatStream"), (tollgate.AsyncJobs, "AsyncChatStream")):
        assert str(inspect.signature(kind.get_job)) == "(self: 'OfTeam', /, job_id: 'str') -> 'Job'"
        assert inspect.signature(kind.chat_stream).return_annotation == stream
        assert kind.team_usage.__doc__ == "What the jobs of a month, such as `2026-11`, came to."


README = (pathlib.Path(__file__).parents[1] / "README.md").read_text()


@pytest.mark.parametrize("index", range(4))
def test_what_the_readme_shows_runs(index: int, capsys: pytest.CaptureFixture[str]) -> None:
    example = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[index]
    stream = {"events": [CHUNK, CHUNK], "ending": "done"}
    job = {"status": 200, "json": {"job_id": "job_1", "status": "pending"}}
    over = {"status": 200, "json": {"job_id": "job_1", "status": "completed", "costs": {"credits_remaining": 9}}}
    models = {"status": 200, "json": {"data": [{"id": "sim/echo"}]}}
    spent = {"total_cost_usd": 0.25, "breakdown": []}
    costs = {"status": 200, "json": {"job_id": "job_1", "status": "completed", "costs": spent}}
    listed = {"status": 200, "json": {"team_id": "default", "total": 1, "jobs": [job["json"]]}}
    used = {"status": 200, "json": {"team_id": "default", "period": "2026-11", "summary": {"total_jobs": 3}}}
    none = {"status": 404, "headers": {"x-tollgate-error-code": "model_not_found"}, "json": {"error": "none"}}
    scenes: list[tuple[list[dict[str, Any]], str]] = [
        ([DONE, stream, models], "hi\naa['sim/echo']\n"),
        ([job, stream, over], "aa9.0\n"),
        ([{**stream, "headers": {"x-tollgate-job-id": "job_1"}}, costs, listed, used], "aa job_1 0.25\n['job_1']\n3\n"),
        ([none], "model_not_found 404 "),
    ]
    answers, said = scenes[index]
    with ScriptedServer(answers) as server:
        source = example.replace("http://127.0.0.1:4000", server.address).replace("sk-tg-…", KEY)
        around: dict[str, object] = {"__name__": "example"}
        exec(compile(source, "README.md", "exec"), around)
        client = around.get("client")
        if isinstance(client, tollgate.Client):
            client.close()
    assert capsys.readouterr().out.startswith(said)
