"""What the table cannot say: logs, streams that nobody reads to their end, what is written in the README."""

from __future__ import annotations

import asyncio
import logging
import pathlib
import re

import pytest

import tollgate
from scripted import ScriptedServer

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
    assert [(record.levelname, record.attempt) for record in told if record.levelname != "DEBUG"] == [
        ("WARNING", 1),
        ("INFO", 2),
        ("ERROR", 1),
    ]
    ids = [record.request_id for record in told]
    assert ids[0].startswith("cli_")
    assert ids[2] == f"{ids[0]}.2"
    assert ids[-1] == "req_gateway"
    everything = "".join(f"{record.getMessage()} {record.__dict__}" for record in told)
    assert KEY not in everything
    assert "secret question" not in everything


def test_no_key_is_shown() -> None:
    client = tollgate.Client("http://gate", KEY)
    assert KEY not in f"{client!r} {client.core!r}"
    client.close()


@pytest.mark.parametrize("prefix", ["", "/", "/v1", "/api/", "/api/v1"])
def test_an_address_may_come_with_a_prefix(prefix: str) -> None:
    client = tollgate.Client(f"http://gate:4000{prefix}", KEY)
    assert client.core.base_url == "http://gate:4000"
    client.close()


def test_a_stream_that_is_closed_early_is_no_error() -> None:
    answer = {"events": [CHUNK], "ending": "silence"}
    with ScriptedServer([answer]) as server, tollgate.Client(server.address, KEY) as client:
        with client.chat_stream(HELLO) as stream:
            assert next(stream).text == "a"
            assert stream.text == "a"
        assert client.metrics.get_stats()["total_errors"] == 0
        assert client.breaker is not None
        assert client.breaker.failures == 0


def test_a_task_that_is_cancelled_lets_the_next_probe_through() -> None:
    async def scene(address: str) -> None:
        breaker = tollgate.CircuitBreaker(failure_threshold=1, timeout=0)
        async with tollgate.AsyncClient(address, KEY, breaker=breaker, retry=tollgate.NO_RETRIES) as client:
            with pytest.raises(tollgate.ServerError):
                await client.chat(HELLO)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await client.chat(HELLO)
            assert breaker.state == "open"
            assert (await client.chat(HELLO)).text == "hi"
            assert breaker.state == "closed"

    answers = [{"status": 503, "json": {"detail": "no"}}, {"fault": "silence"}, DONE]
    with ScriptedServer(answers) as server:
        asyncio.run(scene(server.address))


def test_an_answer_may_not_drip_beyond_its_time_where_nobody_waits() -> None:
    async def scene(address: str) -> None:
        async with tollgate.AsyncClient(address, KEY, timeout=0.2, retry=tollgate.NO_RETRIES) as client:
            with pytest.raises(tollgate.APITimeoutError):
                await client.chat(HELLO)

    with ScriptedServer([{**DONE, "fault": "half"}]) as server:
        asyncio.run(scene(server.address))


README = (pathlib.Path(__file__).parents[1] / "README.md").read_text()


@pytest.mark.parametrize("index", range(3))
def test_what_the_readme_shows_runs(index: int, capsys: pytest.CaptureFixture[str]) -> None:
    example = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[index]
    stream = {"events": [CHUNK, CHUNK], "ending": "done"}
    job = {"status": 200, "json": {"job_id": "job_1", "status": "pending"}}
    over = {"status": 200, "json": {"job_id": "job_1", "status": "completed", "costs": {"credits_remaining": 9}}}
    models = {"status": 200, "json": {"data": [{"id": "sim/echo"}]}}
    none = {"status": 404, "headers": {"x-tollgate-error-code": "model_not_found"}, "json": {"error": "none"}}
    answers, said = [
        ([DONE, stream, models], "hi\naa['sim/echo']\n"),
        ([job, stream, over], "aa9.0\n"),
        ([none], "model_not_found 404 "),
    ][index]
    with ScriptedServer(answers) as server:
        source = example.replace("http://127.0.0.1:4000", server.address).replace("sk-tg-…", KEY)
        around: dict[str, object] = {"__name__": "example"}
        exec(compile(source, "README.md", "exec"), around)
        client = around.get("client")
        if isinstance(client, tollgate.Client):
            client.close()
    assert capsys.readouterr().out.startswith(said)
