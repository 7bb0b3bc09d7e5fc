"""Every row of the table that both clients share, by the client that waits and the one that does not."""

from __future__ import annotations

import asyncio
import builtins
import contextlib
import copy
import json
import pathlib
import socket
from collections.abc import Iterator
from time import tzset
from typing import Any

import pytest
from pydantic import BaseModel

import tollgate
from scripted import ScriptedServer

TABLE = json.loads((pathlib.Path(__file__).parents[2] / "table/cases.json").read_text())
CASES = TABLE["cases"]
KEY = "sk-test-key"
HELLO = [{"role": "user", "content": "hello"}]


class Person(BaseModel):
    name: str
    age: int


class Time:
    """A clock that moves when somebody waits, and keeps the waits."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.now = 0.0
        self.waits: list[float] = []
        self.clock = tollgate.Clock(
            monotonic=lambda: self.now,
            wall=lambda: options.get("now", 1792567680) + self.now,
            sleep=self.sleep,
            sleep_async=self.sleep_async,
            random=lambda: options.get("chance", 0.5),
        )

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    async def sleep_async(self, seconds: float) -> None:
        self.sleep(seconds)


def options_of(case: dict[str, Any], time: Time) -> dict[str, Any]:
    options = case.get("options", {})
    longest = {"longest_answer": options["longest"]} if "longest" in options else {}
    return {
        **longest,
        "admin": options.get("admin", False),
        "timeout": options.get("timeout"),
        "retry": tollgate.RetryPolicy(attempts=options.get("attempts", 5)),
        "breaker": tollgate.CircuitBreaker(options.get("threshold", 5), options.get("open_s", 60)),
        "clock": time.clock,
    }


CALLS = {
    "chat": lambda client, jobs: client.chat(HELLO),
    "chat_role": lambda client, jobs: client.chat(HELLO),
    "chat_with_model": lambda client, jobs: client.chat(HELLO, "sim/echo", temperature=0),
    "models": lambda client, jobs: client.models(),
    "create_job": lambda client, jobs: jobs.create_job("test", {"n": 1}),
    "llm_call": lambda client, jobs: jobs.chat("job_1", HELLO),
    "structured": lambda client, jobs: jobs.structured_output("job_1", HELLO, Person),
    "create_job_for": lambda client, jobs: jobs.create_job("test", user_id="u-1"),
    "complete_job_with": lambda client, jobs: jobs.complete_job("job_1", metadata={"n": 1}),
    "update_metadata": lambda client, jobs: jobs.update_metadata("job_1", {"n": 2}),
    "job_costs": lambda client, jobs: jobs.job_costs("job_1"),
    "list_jobs": lambda client, jobs: jobs.list_jobs(status="completed", limit=2, offset=4),
    "list_all_jobs": lambda client, jobs: jobs.list_jobs(),
    "team_usage": lambda client, jobs: jobs.team_usage("2026-11"),
    "jobs_of_team": lambda client, jobs: client.jobs_of_team("acme", page=2, job_type="a b"),
    "job_of_team": lambda client, jobs: client.job_of_team("acme", "job_1"),
    "organization_stats": lambda client, jobs: client.organization_stats(
        "org", start_date="2026-11-01", end_date="2026-11-30"
    ),
    "organization_analytics": lambda client, jobs: client.organization_analytics("org"),
    "complete_job": lambda client, jobs: jobs.complete_job("job_1"),
    "fail_job": lambda client, jobs: jobs.complete_job("job_1", "failed", error_message="it broke"),
    "get_job": lambda client, jobs: jobs.get_job("job_1"),
    "get_odd_job": lambda client, jobs: jobs.get_job("a/b c"),
    "create_and_call": lambda client, jobs: jobs.create_and_call("test", HELLO),
}
STREAMS = {
    "chat_stream": lambda client, jobs: client.chat_stream(HELLO),
    "llm_stream": lambda client, jobs: jobs.chat_stream("job_1", HELLO),
    "single_stream": lambda client, jobs: jobs.create_and_call_stream("test", HELLO),
}


def said(answer: Any, call: str) -> str:
    """An answer as the table writes it."""
    if call == "chat_role":
        return " ".join(choice.message.role for choice in answer.choices)
    match answer:
        case str():
            return answer
        case Person():
            return f"{answer.name} {answer.age}"
        case list():
            return " ".join(model.id for model in answer)
        case tollgate.JobCompletion():
            left = answer.costs.credits_remaining
            return f"{answer.status} {answer.costs.total_calls} {'-' if left is None else f'{left:g}'}"
        case tollgate.Job():
            return answer.status
        case tollgate.MetadataOfJob():
            return f"{answer.job_id} {json.dumps(answer.metadata, separators=(',', ':'))}"
        case tollgate.CostsOfJob():
            costs = answer.costs
            return f"{answer.status} {costs.total_cost_usd:g} {' '.join(call.call_id for call in costs.breakdown)}"
        case tollgate.TeamJobs():
            return " ".join([str(answer.total), *(job.job_id for job in answer.jobs)])
        case tollgate.TeamUsage():
            summary = answer.summary
            return f"{answer.period} {summary.total_jobs} {summary.total_cost_usd:g} {' '.join(answer.job_types)}"
        case tollgate.JobPage():
            return f"{answer.page}/{answer.total_pages} {' '.join(job.job_id for job in answer.jobs)}"
        case tollgate.JobWithCalls():
            return f"{answer.job.status} {' '.join(call.call_id for call in answer.calls)}"
        case tollgate.OrganizationStats():
            return f"{answer.organization_name} {answer.total_jobs}"
        case tollgate.OrganizationAnalytics():
            return f"{answer.total_spend:g} {answer.total_requests}"
        case _:
            return str(answer.text)


def told(text: str, stream: tollgate.ChatStream | tollgate.AsyncChatStream) -> str:
    """What a stream said, with the job and the call where it was one of a job."""
    return " ".join(each for each in (text, stream.job_id, stream.call_id) if each)


class Sync:
    def __init__(self, address: str, options: dict[str, Any]) -> None:
        self.client = tollgate.Client(address, KEY, **options)
        self.jobs = self.client.jobs("acme")

    def call(self, name: str) -> tuple[str, int]:
        if name in CALLS:
            return said(CALLS[name](self.client, self.jobs), name), 0
        count, text = 0, ""
        stream = STREAMS[name](self.client, self.jobs)
        for chunk in stream:
            count += 1
            text += chunk.choices[0].delta.get("content", "") if chunk.choices else ""
        return told(text, stream), count

    def close(self) -> None:
        self.client.close()


class Async:
    def __init__(self, address: str, options: dict[str, Any]) -> None:
        self.runner = asyncio.Runner()
        self.client = tollgate.AsyncClient(address, KEY, **options)
        self.jobs = self.client.jobs("acme")

    def call(self, name: str) -> tuple[str, int]:
        return self.runner.run(self._call(name))

    async def _call(self, name: str) -> tuple[str, int]:
        if name in CALLS:
            return said(await CALLS[name](self.client, self.jobs), name), 0
        count, text = 0, ""
        stream = STREAMS[name](self.client, self.jobs)
        async for chunk in stream:
            count += 1
            text += chunk.choices[0].delta.get("content", "") if chunk.choices else ""
        return told(text, stream), count

    def close(self) -> None:
        self.runner.run(self.client.close())
        self.runner.close()


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Far from where clocks show UTC."""
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    tzset()
    yield
    monkeypatch.undo()
    tzset()


@pytest.mark.parametrize("kind", [Sync, Async])
@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_case(case: dict[str, Any], kind: type[Sync] | type[Async]) -> None:
    time = Time(case.get("options", {}))
    with ScriptedServer(case["answers"]) as server, closed_address() as closed:
        address = closed if case.get("options", {}).get("refused") else server.address
        caller = kind(address, options_of(case, time))
        try:
            for step in case["steps"]:
                take(step, caller, time)
        finally:
            caller.close()
        server.wait_until_asked()
        assert server.answers == [], "answers nobody asked for"
        check_requests(case, server.requests)
        assert server.connections == case.get("connections", server.connections)
    check_stats(case, caller.client.metrics)


def take(step: dict[str, Any], caller: Sync | Async, time: Time) -> None:
    time.now += step.get("advance", 0)
    time.waits.clear()
    expect = step["expect"]
    if "error" in expect:
        with pytest.raises(tollgate.APIError) as caught:
            caller.call(step["call"])
        check_error(caught.value, expect)
    else:
        text, chunks = caller.call(step["call"])
        assert (text, chunks) == (expect["text"], expect.get("chunks", 0))
    assert time.waits == pytest.approx(expect["waits"])
    state = step.get("breaker") or step.get("breaker_after")
    breaker = caller.client.breaker
    assert state is None or (breaker is not None and breaker.state == state)


def check_error(error: tollgate.APIError, expect: dict[str, Any]) -> None:
    assert type(error).__name__ == expect["error"]
    for name in expect.get("is", []):
        assert isinstance(error, getattr(tollgate, name, None) or getattr(builtins, name))
    assert KEY not in f"{error} {error!r} {error.details}"
    for name, value in expect["fields"].items():
        if name == "attempts" and value is None:
            continue
        found = getattr(error, name)
        if value == "@client":
            assert found.startswith("cli_"), name
        else:
            assert found == value, name


def check_requests(case: dict[str, Any], requests: list[dict[str, Any]]) -> None:
    for expected, request in zip(case.get("requests", []), requests, strict="requests" in case):
        for name in ("method", "path", "body"):
            assert name not in expected or request[name] == expected[name]
        for name, value in expected.get("headers", {}).items():
            assert request["headers"].get(name) == value, name
        for pointer, value in expected.get("pointer", {}).items():
            found = request["body"]
            for part in pointer.split("/")[1:]:
                found = found[part]
            assert found == value, pointer
    for name in case.get("same", []):
        assert len({request["headers"][name] for request in requests}) == 1
    for name in case.get("different", []):
        assert len({request["headers"][name] for request in requests}) == len(requests) > 1


def check_stats(case: dict[str, Any], metrics: tollgate.APIMetrics) -> None:
    if "stats" in case:
        assert metrics.get_stats() == pytest.approx(case["stats"])
        assert dict(metrics.requests) == case.get("requests_by", {})
        assert dict(metrics.errors) == case.get("errors_by", {})


@pytest.mark.parametrize("kind", [Sync, Async])
@pytest.mark.parametrize("form", TABLE["forms"], ids=[form["call"] for form in TABLE["forms"]])
def test_form(form: dict[str, Any], kind: type[Sync] | type[Async]) -> None:
    variants = list(variants_of(form))
    assert len(variants) > 10
    events = form["call"] in STREAMS
    answers = [
        {"events": [said], "ending": "done"} if events else {"status": 200, "json": said} for _, _, said in variants
    ]
    time = Time({})
    with ScriptedServer(answers) as server:
        caller = kind(server.address, options_of({"options": {"attempts": 1, "threshold": 1000000}}, time))
        wrong = []
        for what, is_read, _ in variants:
            try:
                caller.call(form["call"])
                outcome = True
            except (tollgate.InvalidResponseError, tollgate.StreamInterruptedError):
                outcome = False
            if outcome != is_read:
                wrong.append(f"{what} is {'read' if outcome else 'refused'}")
        caller.close()
        assert wrong == []


def variants_of(form: dict[str, Any]) -> Iterator[tuple[str, bool, Any]]:
    """What is changed in an answer, whether it is read then, and the answer."""
    yield "the answer as it is", True, form["json"]
    for name, pointers in form["members"].items():
        kind = TABLE["kinds"][name]
        for pointer in pointers:
            values = [(value, True) for value in kind["reads"]] + [(value, False) for value in kind["refuses"]]
            for value, is_read in values:
                yield f"{pointer} = {json.dumps(value)}", is_read, changed(form["json"], pointer, value)
            if "may_be_absent" in kind:
                yield f"{pointer} left out", kind["may_be_absent"], changed(form["json"], pointer, ABSENT)


ABSENT = object()


def changed(answer: Any, pointer: str, value: Any) -> Any:
    """An answer with another member in the place of one."""
    if not pointer:
        return value
    answer = copy.deepcopy(answer)
    *parents, last = pointer.split("/")[1:]
    place = answer
    for part in parents:
        place = place[int(part) if isinstance(place, list) else part]
    if value is ABSENT:
        place.pop(last, None)
    else:
        place[int(last) if isinstance(place, list) else last] = value
    return answer


@contextlib.contextmanager
def closed_address() -> Iterator[str]:
    """Where nobody listens, and nobody else will meanwhile."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{unused.getsockname()[1]}"
