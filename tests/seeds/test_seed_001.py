"""The programs that seed 001 prints, against a real gateway. Only address, key and model are put in; what
the document names without saying it stands in `names`."""

import asyncio
import logging
import random
import re
import time
import uuid

import programs
import pytest
import requests
from gate import Gate, key_of, refusing
from pydantic import BaseModel

import tollgate

HELLO = [{"role": "user", "content": "hello"}]
NO_JOB = "00000000-0000-4000-8000-000000000000"
HANDLER = "comprehensive_handler"


def names(gate, team="acme-corp", key=None, **more):
    """What a program finds around it."""
    key = key or key_of(team)
    base_url = more.pop("base_url", gate.address)
    return {
        "__name__": "seed",
        "requests": requests,
        "time": time,
        "random": random,
        "uuid": uuid,
        "API_URL": f"{base_url}/api",
        "base_url": base_url,
        "VIRTUAL_KEY": key,
        "virtual_key": key,
        "headers": {"Authorization": f"Bearer {key}"},
        "team_id": team,
        "messages": HELLO,
        **more,
    }


def run(name, around):
    """Runs a program of the document."""
    around.update(programs.run("001", name, around))
    return around


# --- statuses ------------------------------------------------------------------------------------


def test_a_bad_request(gate, capsys):
    run("bad_request", names(gate, job_id=gate.job("acme-corp"), messages=["hello"]))
    assert capsys.readouterr().out == "Bad request: Invalid message format\n"


def test_an_unknown_key(gate, capsys):
    run("unauthorized", names(gate, key="sk-no-such-key-0123456789"))
    assert capsys.readouterr().out == "Authentication failed. Check your virtual key.\n"


@pytest.mark.parametrize(
    ("team", "said"),
    [
        ("suspended", "Team access suspended - contact support\nTeam is suspended. Contact administrator.\n"),
        ("poor", "Team suspended or insufficient credits\nOut of credits. Please add credits to continue.\n"),
        ("narrow", None),
    ],
)
def test_access_that_is_denied(gate, capsys, team, said):
    key, job = denied(gate)[team]
    run("forbidden", names(gate, team, key, job_id=job))
    out = capsys.readouterr().out
    if said is None:
        assert out.endswith("\nModel access denied. Check access groups.\n")
    else:
        assert out == f"Access denied: {said}"


def denied(gate):
    """The key and a job of each team that was refused after it had made the job."""
    if not hasattr(gate, "denied"):
        gate.denied = {team: (key_of(team), gate.job(team)) for team in ("spent", "poor", "narrow")}
        gate.ask("POST", "/api/organizations/create", {"organization_id": "acme", "name": "ACME"})
        new = {"organization_id": "acme", "team_id": "suspended", "access_groups": [], "credits_allocated": 5}
        key = gate.ask("POST", "/api/teams/create", new)["virtual_key"]
        gate.denied["suspended"] = (key, gate.job("suspended", key))
        gate.ask("PUT", "/api/teams/suspended/suspend")
    return gate.denied


def limited(gate):
    """A job of the team that may ask once in a minute, which making the job was."""
    if not hasattr(gate, "limited"):
        gate.limited = gate.job("limited")
    return gate.limited


def test_a_job_that_is_not_there(gate, capsys):
    made = []
    stubs = {"create_new_job": lambda: made.append(gate.job("acme-corp"))}
    run("not_found", names(gate, job_id=NO_JOB, **stubs))
    assert capsys.readouterr().out == f"Job {NO_JOB} not found\n"
    assert len(made) == 1


def test_a_job_of_another_team_is_not_there(gate, capsys):
    job = gate.job("story")
    run("not_found", names(gate, job_id=job, create_new_job=lambda: None))
    assert capsys.readouterr().out == f"Job {job} not found\n"


def test_a_field_that_is_missing(gate, capsys):
    run("unprocessable", names(gate))
    assert capsys.readouterr().out == "Validation error on body.job_type: field required\n"


def test_a_failure_of_the_provider(gate, capsys, waits):
    run("server_error", names(gate, "broken", job_id=gate.job("broken")))
    assert capsys.readouterr().out == "Server error. Retrying...\n"
    assert waits == [5]


def test_a_service_that_is_down(gate, capsys):
    job = gate.job("acme-corp")
    gate.ask("PUT", "/api/maintenance", {"enabled": True})
    try:
        run("unavailable", names(gate, job_id=job))
    finally:
        gate.ask("PUT", "/api/maintenance", {"enabled": False})
    assert capsys.readouterr().out == "Service unavailable. Please try again later.\n"


def test_waiting_for_a_rate_limit_in_vain(gate, capsys, waits):
    around = run("too_many_requests", names(gate))
    url = f"{gate.address}/api/jobs/{limited(gate)}/llm-call"
    headers = {"Authorization": f"Bearer {key_of('limited')}"}
    ask = around["make_request_with_retry"]
    with pytest.raises(requests.exceptions.HTTPError) as caught:
        for _ in range(2):
            ask(url, headers, {"messages": HELLO})
    assert caught.value.response.json() == {"detail": "Rate limit exceeded"}
    said = "Rate limited. Waiting 1s...\nRate limited. Waiting 2s...\nRate limit exceeded after all retries\n"
    assert capsys.readouterr().out == said
    assert waits == [1, 2]


def test_what_is_no_rate_limit_is_raised_at_once(gate, waits):
    around = run("too_many_requests", names(gate))
    url = f"{gate.address}/api/jobs/{NO_JOB}/llm-call"
    with pytest.raises(requests.exceptions.HTTPError):
        around["make_request_with_retry"](url, around["headers"], {"messages": HELLO})
    assert waits == []


def test_an_answer_needs_no_second_request(gate, waits):
    around = run("too_many_requests", names(gate))
    url = f"{gate.address}/api/jobs/{gate.job('acme-corp')}/llm-call"
    answer = around["make_request_with_retry"](url, around["headers"], {"messages": HELLO})
    assert answer["response"]["content"] == "hello"
    assert waits == []


@pytest.mark.parametrize(
    "program",
    ["bad_request", "forbidden", "not_found", "server_error", "unavailable", "unprocessable"],
)
def test_a_program_for_one_status_is_silent_about_another_one(gate, capsys, program):
    around = names(gate, key="sk-no-such-key-0123456789", job_id=NO_JOB)
    assert run(program, around)["response"].status_code == 401
    assert capsys.readouterr().out == ""


def test_the_program_for_unknown_keys_is_silent_about_other_refusals(gate, capsys):
    around = run("unauthorized", names(gate, "story"))
    assert around["response"].json() == {"detail": "API key does not belong to team 'acme-corp'"}
    assert capsys.readouterr().out == ""


# --- network -------------------------------------------------------------------------------------


def test_nobody_there(gate, capsys):
    run("connection_errors", names(gate, base_url=gate.nowhere))
    assert capsys.readouterr().out.startswith("Connection error: ")


def test_nothing_comes_from_who_is_there(gate, capsys, impatient):
    with gate.standing_still():
        run("connection_errors", names(gate))
    said = capsys.readouterr().out
    assert said.startswith("Request timed out: ")
    assert "Read timed out" in said


def test_an_answer_that_takes_too_long(gate, capsys, impatient):
    from requests.exceptions import Timeout

    run("timeout_errors", names(gate, "slow", job_id=gate.job("slow"), Timeout=Timeout))
    assert capsys.readouterr().out == "Request timed out after 30 seconds\n"


# --- streams -------------------------------------------------------------------------------------


def streaming(gate, team, **options):
    """What a program of streams finds around it; `jobs` are those that it made."""
    jobs = []

    class Watched(tollgate.SaaSLLMClient):
        def __init__(self, *arguments):
            super().__init__(*arguments, retry=tollgate.NO_RETRIES, **options)

        async def create_job(self, job_type):
            jobs.append(await super().create_job(job_type))
            return jobs[-1]

    return names(gate, team, SaaSLLMClient=Watched), jobs


def test_a_stream_to_its_end(gate, capsys):
    around, jobs = streaming(gate, "story")
    run("robust_streaming", around)
    asyncio.run(around["robust_streaming"]())
    said = capsys.readouterr().out
    story, _, rest = said.partition("\n\nStream completed successfully (")
    assert len(story) > 100
    assert rest.endswith(" chunks)\n")
    assert gate.status_of("story", jobs[0]) == "completed"


def test_a_stream_that_breaks_off(gate, capsys):
    around, jobs = streaming(gate, "cut")
    run("robust_streaming", around)
    asyncio.run(around["robust_streaming"]())
    said = capsys.readouterr().out
    assert "\n\nStream error: " in said
    assert "\nPartial response received: " in said
    assert gate.status_of("cut", jobs[0]) == "failed"


def test_a_stream_that_never_begins(gate, capsys):
    around, jobs = streaming(gate, "down")
    run("robust_streaming", around)
    asyncio.run(around["robust_streaming"]())
    said = capsys.readouterr().out
    assert "\n\nStream error: " in said
    assert "Partial response received" not in said
    assert gate.status_of("down", jobs[0]) == "failed"


def test_a_stream_that_falls_silent(gate, capsys):
    around, jobs = streaming(gate, "stalled", timeout=2)
    run("robust_streaming", around)
    asyncio.run(around["robust_streaming"]())
    assert "\n\nStream timed out\n" in capsys.readouterr().out
    assert gate.status_of("stalled", jobs[0]) == "failed"


def test_a_stream_that_exceeds_its_time(gate, capsys, monkeypatch):
    around, jobs = streaming(gate, "stalled")
    run("streaming_with_timeout", around)
    whole = asyncio.timeout
    monkeypatch.setattr(asyncio, "timeout", lambda seconds: whole(seconds / 30))
    asyncio.run(around["streaming_with_timeout"]())
    assert capsys.readouterr().out == "Stream exceeded 60 second timeout\n"
    assert gate.status_of("stalled", jobs[0]) == "failed"


# --- the comprehensive handler ---------------------------------------------------------------------


def test_the_handler_makes_a_job(gate, capsys):
    run(HANDLER, names(gate))
    assert re.fullmatch(r"Job created: \S+\n", capsys.readouterr().out)


def test_the_handler_says_who_was_refused(gate, capsys):
    run(HANDLER, names(gate, key="sk-no-such-key-0123456789"))
    assert capsys.readouterr().out == "Auth error: Authentication failed: Invalid or missing API key\n"


@pytest.fixture
def poor_gate(tmp_path):
    """A gateway where the team that the handler names has one credit, and spends it."""
    running = Gate(tmp_path, {"acme-corp": 'jobs = { default_model = "sim/echo", credits = 1 }'})
    running.job("acme-corp")
    yield running
    running.stop()


def test_the_handler_asks_for_credits(poor_gate, capsys):
    run(HANDLER, names(poor_gate))
    said = "Credits error: Insufficient credits: Team suspended or insufficient credits\n"
    assert capsys.readouterr().out == said


def test_the_handler_tells_the_operators_of_a_server_error(gate, capsys, waits):
    with refusing(gate, "jobs"):
        run(HANDLER, names(gate))
    said = capsys.readouterr().out
    assert said.endswith("\nServer error: Server error after all retries: Internal server error\n")
    assert waits == UNANSWERED


def test_the_handler_handles_whatever_else(gate, capsys):
    run(HANDLER, names(gate, "story"))
    assert capsys.readouterr().out == "API error: Access denied: API key does not belong to team 'acme-corp'\n"


def test_the_handler_queues_what_is_beyond_a_limit(gate, capsys, waits):
    # What the program asks for leads to the calls of a team that has none left in this minute.
    url = f"/jobs/{limited(gate)}/llm-call"
    headers = {"Authorization": f"Bearer {key_of('limited')}"}
    requests.post(f"{gate.address}/api{url}", headers=headers, json={"messages": HELLO}, timeout=10)
    run(HANDLER, names(gate, "limited", API_URL=f"{gate.address}/api{url}?instead-of="))
    said = capsys.readouterr().out
    assert said.endswith("\nRate limit error: Rate limit exceeded after all retries: Rate limit exceeded\n")
    assert waits == UNANSWERED


def handler(gate, team="acme-corp", **more):
    """The function of the handler, and the exceptions that it raises."""
    return run(HANDLER, names(gate, team, base_url=gate.address, **more))


def failing(gate, kind, *, team="acme-corp", path=None, data=None, program=HANDLER, **more):
    """Runs one request by the handler and returns the text of the exception of this kind that it raises."""
    around = handler(gate)
    name = "make_api_request"
    if program != HANDLER:
        run(program, around)
        name = "make_request_with_smart_retry"
    job = None if path else gate.job(team)
    url = f"{more.pop('base_url', gate.address)}/api{path or f'/jobs/{job}/llm-call'}"
    headers = {"Authorization": f"Bearer {more.pop('key', key_of(team))}"}
    with pytest.raises(around["APIError"]) as caught:
        around[name](url, headers, data or {"messages": HELLO}, **more)
    assert type(caught.value).__name__ == kind
    return str(caught.value)


WRONG = {"team_id": "acme-corp"}
UNANSWERED = [1, 2]


def spent(gate):
    """Uses up the one credit of a team."""
    denied(gate)


@pytest.mark.parametrize(
    ("kind", "text", "expected_waits", "more"),
    [
        ("AuthenticationError", "Authentication failed: Invalid or missing API key", [],
         {"key": "sk-no-such-key-0123456789"}),
        ("APIError", "Access denied: API key does not belong to team 'story'", [],
         {"path": "/jobs/create", "data": {"team_id": "story", "job_type": "test"}}),
        ("APIError", "Resource not found: Job not found", [], {"path": f"/jobs/{NO_JOB}/llm-call"}),
        ("APIError", "Validation error: [{'loc': ['body', 'job_type'], 'msg': 'field required', "
         "'type': 'value_error.missing'}]", [], {"path": "/jobs/create", "data": WRONG}),
        ("APIError", "HTTP 400: Invalid message format", [], {"data": {"messages": ["hello"]}}),
        ("ServerError", None, UNANSWERED, {"team": "broken"}),
        ("ServerError", None, UNANSWERED, {"team": "down"}),
        ("APIError", None, UNANSWERED, {"path": "/jobs/create", "base_url": "nowhere"}),
        ("APIError", "Request timed out after all retries", UNANSWERED, {"team": "slow", "timeout": 0.3}),
    ],
    ids=["401", "403", "404", "422", "400", "500", "503", "connection", "timeout"],
)
def test_the_handler_raises(gate, waits, kind, text, expected_waits, more):
    if more.get("base_url") == "nowhere":
        more = {**more, "base_url": gate.nowhere}
    said = failing(gate, kind, **more)
    assert text is None or said == text
    assert waits == expected_waits


def test_the_handler_says_that_credits_are_missing(gate):
    spent(gate)
    data = {"team_id": "spent", "job_type": "test"}
    said = failing(gate, "InsufficientCreditsError", team="spent", path="/jobs/create", data=data)
    assert said == "Insufficient credits: Team suspended or insufficient credits"


def test_the_handler_waits_for_a_rate_limit(gate, waits):
    job = limited(gate)
    path = f"/jobs/{job}/llm-call"
    around = handler(gate)
    headers = {"Authorization": f"Bearer {key_of('limited')}"}
    with pytest.raises(around["RateLimitError"]) as caught:
        for _ in range(2):
            around["make_api_request"](f"{gate.address}/api{path}", headers, {"messages": HELLO})
    assert str(caught.value) == "Rate limit exceeded after all retries: Rate limit exceeded"
    assert waits == UNANSWERED


def test_the_handler_gives_up_without_any_attempt(gate):
    assert failing(gate, "APIError", max_retries=0) == "Request failed after all retries"


# --- logging and metrics ---------------------------------------------------------------------------


def logged(gate, url, caplog, data=None):
    around = run("structured_logging", names(gate))
    with caplog.at_level(logging.INFO, logger="seed"):
        return around["make_logged_request"](url, around["headers"], data or {"messages": HELLO})


def test_a_request_is_logged(gate, caplog):
    url = f"{gate.address}/api/jobs/{gate.job('acme-corp')}/llm-call"
    logged(gate, url, caplog)
    said = [record.getMessage().split(": ", 1)[1] for record in caplog.records]
    assert said == [f"POST {url}", "Success (status=200)"]


def test_a_refusal_is_logged_with_its_detail(gate, caplog):
    with pytest.raises(requests.exceptions.HTTPError):
        logged(gate, f"{gate.address}/api/jobs/{NO_JOB}/llm-call", caplog)
    assert (caplog.records[-1].status_code, caplog.records[-1].detail) == (404, "Job not found")


def test_a_request_without_an_answer_is_logged(gate, caplog):
    with pytest.raises(requests.exceptions.ConnectionError):
        logged(gate, f"{gate.nowhere}/api/jobs/create", caplog)
    assert caplog.records[-1].getMessage().endswith(": Failed")


def test_requests_are_counted(gate, capsys):
    around = run("metrics_tracking", names(gate))
    assert capsys.readouterr().out == "Total requests: 0\nError rate: 0.00%\nAvg latency: 0ms\n"
    good = f"{gate.address}/api/jobs/{gate.job('acme-corp')}/llm-call"
    around["make_tracked_request"](good, around["headers"], {"messages": HELLO})
    with pytest.raises(requests.exceptions.HTTPError):
        bad = f"{gate.address}/api/jobs/{NO_JOB}/llm-call"
        around["make_tracked_request"](bad, around["headers"], {"messages": HELLO})
    stats = around["metrics"].get_stats()
    assert (stats["total_requests"], stats["total_errors"], stats["error_rate"]) == (2, 1, 0.5)
    assert stats["p95_latency_ms"] >= stats["avg_latency_ms"] > 0


# --- smart retry -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "text", "tries", "more"),
    [
        ("AuthenticationError", "Authentication failed: Invalid or missing API key", 1,
         {"key": "sk-no-such-key-0123456789"}),
        ("APIError", "Forbidden: API key does not belong to team 'story'", 1,
         {"path": "/jobs/create", "data": {"team_id": "story", "job_type": "test"}}),
        ("APIError", "Not found: Job not found", 1, {"path": f"/jobs/{NO_JOB}/llm-call"}),
        ("APIError", "Validation error: [{'loc': ['body', 'job_type'], 'msg': 'field required', "
         "'type': 'value_error.missing'}]", 1, {"path": "/jobs/create", "data": WRONG}),
        ("APIError", "Client error 400: Invalid message format", 1, {"data": {"messages": ["hello"]}}),
        ("ServerError", None, 3, {"team": "broken"}),
        ("ServerError", None, 3, {"team": "down"}),
        ("APIError", "Connection failed after all retries", 3, {"path": "/jobs/create", "base_url": "nowhere"}),
        ("APIError", "Request timed out after all retries", 3, {"team": "slow", "timeout": 0.3}),
        ("APIError", "Request failed after all retries", 1, {"max_retries": 0}),
    ],
    ids=["401", "403", "404", "422", "400", "500", "503", "connection", "timeout", "none"],
)
def test_the_smart_retry_raises(gate, waits, kind, text, tries, more):
    if more.get("base_url") == "nowhere":
        more = {**more, "base_url": gate.nowhere}
    said = failing(gate, kind, program="smart_retry", **more)
    assert text is None or said == text
    assert len(waits) == tries - 1
    for wait, whole in zip(waits, UNANSWERED, strict=False):
        assert whole * 0.75 <= wait <= whole * 1.25


def test_the_smart_retry_gives_an_answer_back(gate, waits):
    around = run("smart_retry", handler(gate))
    url = f"{gate.address}/api/jobs/{gate.job('acme-corp')}/llm-call"
    answer = around["make_request_with_smart_retry"](url, around["headers"], {"messages": HELLO})
    assert (answer["response"]["content"], waits) == ("hello", [])


def test_the_smart_retry_waits_for_a_rate_limit(gate, waits):
    around = run("smart_retry", handler(gate))
    url = f"{gate.address}/api/jobs/{limited(gate)}/llm-call"
    headers = {"Authorization": f"Bearer {key_of('limited')}"}
    with pytest.raises(around["RateLimitError"]):
        for _ in range(2):
            around["make_request_with_smart_retry"](url, headers, {"messages": HELLO})
    assert len(waits) == 2


# --- timeouts and the rest ---------------------------------------------------------------------------


def test_timeouts_by_endpoint(gate):
    data = {"team_id": "acme-corp", "job_type": "test"}
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {key_of('acme-corp')}"
    around = names(gate, url=f"{gate.address}/api/jobs/create", data=data)
    run("endpoint_timeouts", {**around, "requests": session})
    around = run("endpoint_timeouts", {**around, "requests": session})
    assert (around["timeout"], around["response"].status_code) == (10, 200)
    assert around["get_timeout_for_endpoint"]("http://elsewhere/") == 30
    around = run("always_timeouts", around)
    assert around["response"].status_code == 200


def authorized(team="acme-corp"):
    """`requests` for programs that forget the key."""
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {key_of(team)}"
    session.exceptions = requests.exceptions
    return session


def test_the_retry_loop_answers(gate, waits):
    data = {"team_id": "acme-corp", "job_type": "test"}
    around = names(gate, url=f"{gate.address}/api/jobs/create", data=data, requests=authorized())
    run("retry_logic", around)
    assert (around["response"].status_code, waits) == (200, [])


def test_the_retry_loop_gives_up(gate, waits):
    url = f"{gate.address}/api/jobs/{gate.job('broken')}/llm-call"
    around = names(gate, url=url, data={"messages": HELLO}, requests=authorized("broken"))
    with pytest.raises(requests.exceptions.HTTPError):
        run("retry_logic", around)
    assert len(waits) == 2


def test_the_bad_retry_loop_retries_everything(gate, waits):
    # The second half of the program, which the document warns of, alone.
    url = f"{gate.address}/api/jobs/{NO_JOB}/llm-call"
    around = names(gate, url=url, data={"messages": HELLO}, requests=authorized())
    programs.run("001", "retry_logic", around, begin="# ❌")
    assert waits == [1, 1, 1]


@pytest.mark.parametrize(
    "trouble", ["AuthenticationError", "InsufficientCreditsError", "RateLimitError"]
)
def test_specific_errors_are_those_of_the_client(gate, trouble):
    """The names are in the package, and the client raises them for the real causes."""
    spent(gate)
    jobs = {
        "AuthenticationError": ("acme-corp", "sk-no-such-key-0123456789"),
        "InsufficientCreditsError": ("spent", key_of("spent")),
        "RateLimitError": ("limited", key_of("limited")),
    }
    limited(gate)
    team, key = jobs[trouble]
    raised = []

    def make_request():
        with tollgate.SyncSaaSLLMClient(gate.address, team, key, retry=tollgate.NO_RETRIES) as client:
            try:
                job = client.create_job("test")
                for _ in range(2):
                    client.chat(job, HELLO)
            except tollgate.APIError as error:
                raised.append(type(error).__name__)
                raise

    kinds = {name: getattr(tollgate, name) for name in jobs}
    run("specific_errors", {"make_request": make_request, **kinds})
    assert raised == [trouble] * 2


def test_errors_are_logged_with_their_context(gate, caplog):
    client = tollgate.SyncSaaSLLMClient(gate.address, "acme-corp", key_of("acme-corp"))

    def make_request():
        with client:
            return client.get_job(NO_JOB)

    around = names(gate, make_request=make_request, logger=logging.getLogger("seed"), job_id=NO_JOB)
    run("errors_with_context", {**around, "url": "u", "attempt": 1})
    record = caplog.records[-1]
    assert (record.error_type, record.status_code, record.error) == ("NotFoundError", 404, "Job not found")


@pytest.mark.parametrize(("team", "status"), [("acme-corp", "completed"), ("broken", "failed")])
def test_a_job_is_completed_either_way(gate, team, status):
    job = gate.job(team)
    with tollgate.SyncSaaSLLMClient(gate.address, team, key_of(team), retry=tollgate.NO_RETRIES) as client:
        around = {
            "job_id": job,
            "messages": HELLO,
            "llm_call": client.chat,
            "complete_job": client.complete_job,
        }
        if status == "failed":
            with pytest.raises(tollgate.ServerError):
                run("complete_on_failure", around)
        else:
            run("complete_on_failure", around)
    assert gate.status_of(team, job) == status


def test_the_circuit_breaker_opens_and_closes(gate, capsys, waits, monkeypatch):
    around = handler(gate)
    job = gate.job("broken")
    capsys.readouterr()
    around |= {
        "url": f"{gate.address}/api/jobs/{job}/llm-call",
        "headers": {"Authorization": f"Bearer {key_of('broken')}"},
        "data": {"messages": HELLO},
    }
    run("circuit_breaker", around)
    assert "Request failed: Server error after all retries: " in capsys.readouterr().out
    breaker, ask = around["circuit_breaker"], around["make_api_request"]
    more = {name: around[name] for name in ("url", "headers", "data")}
    for _ in range(4):
        with pytest.raises(around["ServerError"]):
            breaker.call(ask, **more)
    assert breaker.state == "open"
    with pytest.raises(around["APIError"], match="Circuit breaker is open"):
        breaker.call(ask, **more)
    breaker.last_failure_time -= around["timedelta"](seconds=61)
    healthy = {**more, "data": {"messages": HELLO, "model": "sim/echo"}}
    for _ in range(2):
        assert breaker.call(ask, **healthy)["response"]["content"] == "hello"
        assert breaker.state == "closed"


def test_an_object_is_what_the_schema_says(gate):
    class Person(BaseModel):
        name: str
        age: int

    with tollgate.SyncSaaSLLMClient(gate.address, "acme-corp", key_of("acme-corp")) as client:
        job = client.create_job("test", {"n": 1})
        assert isinstance(client.structured_output(job, HELLO, Person), Person)
        single = client.create_and_call("test", HELLO)
        assert (single.text, single.status) == ("hello", "completed")
        assert client.complete_job(job).costs.total_calls == 1
