"""What arrives when all goes well: texts, tool calls, usage, embeddings, models."""

import json

import pytest

from client import text
from test_errors import WAYS

TOOLS = [{
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather at a place.",
        "parameters": {
            "type": "object",
            "properties": {"place": {"type": "string"}},
            "required": ["place"],
        },
    },
}]


def asked(prompt):
    return [{"role": "user", "content": prompt}]


@pytest.mark.parametrize("prompt", ["Hello, reader.", "Grüße aus Zürich — 你好 👋🏽", "\"quoted\"\n\ttab \\ slash"])
@pytest.mark.parametrize("way", WAYS)
def test_a_text_arrives_as_it_was_sent(client, way, prompt):
    watched = client()
    plain = watched.chat(f"{way}/echo", messages=asked(prompt))
    assert prompt in plain.choices[0].message.content
    assert plain.choices[0].finish_reason == "stop"
    chunks = watched.chat(f"{way}/echo", stream=True, messages=asked(prompt))
    assert text(chunks) == plain.choices[0].message.content
    assert chunks[-1].choices[0].finish_reason == "stop"


@pytest.mark.parametrize("way", WAYS)
def test_usage_of_a_plain_answer(client, way):
    usage = client().chat(f"{way}/echo").usage
    assert usage.prompt_tokens > 0 and usage.completion_tokens > 0
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


@pytest.mark.parametrize("way", WAYS)
def test_usage_of_a_stream_is_shown_to_those_who_ask(client, way):
    watched = client()
    usage = watched.chat(f"{way}/echo").usage
    chunks = watched.chat(f"{way}/echo", stream=True, stream_options={"include_usage": True})
    assert chunks[-1].choices == []
    assert chunks[-1].usage.total_tokens == usage.total_tokens
    assert all(chunk.usage is None for chunk in chunks[:-1])


@pytest.mark.parametrize("options", [{}, {"stream_options": {"include_usage": False}}], ids=["left out", "refused"])
@pytest.mark.parametrize("way", WAYS)
def test_usage_of_a_stream_is_hidden_from_those_who_do_not(client, way, options):
    chunks = client().chat(f"{way}/echo", stream=True, **options)
    assert all(chunk.choices for chunk in chunks), "a chunk that was not asked for"
    assert all(chunk.usage is None for chunk in chunks)


def test_usage_is_counted_whoever_asked(gateway, client):
    watched = client(base="")
    before = tokens(watched)
    watched.chat("sim/echo", stream=True)
    assert tokens(watched) > before


def tokens(watched):
    """All tokens that the metrics count."""
    lines = watched.openai.get("/metrics", cast_to=str).splitlines()
    counted = [line for line in lines if line.startswith("tollgate_tokens_total")]
    assert counted, "no such metric"
    return sum(float(line.rsplit(" ", 1)[1]) for line in counted)


@pytest.mark.parametrize("way", WAYS)
def test_a_tool_call(client, way):
    answer = client().chat(f"{way}/echo", messages=asked("Please call the tool."), tools=TOOLS)
    assert answer.choices[0].finish_reason == "tool_calls"
    call = answer.choices[0].message.tool_calls[0]
    assert call.id and call.function.name == "weather"
    assert isinstance(json.loads(call.function.arguments), dict)


@pytest.mark.parametrize("way", WAYS)
def test_a_tool_call_in_a_stream_is_the_same(client, way):
    watched = client()
    plain = watched.chat(f"{way}/echo", messages=asked("Please call the tool."), tools=TOOLS)
    chunks = watched.chat(f"{way}/echo", stream=True, messages=asked("Please call the tool."), tools=TOOLS)
    names, arguments = [], []
    for delta in (choice.delta for chunk in chunks for choice in chunk.choices):
        for part in delta.tool_calls or []:
            names.append(part.function.name or "")
            arguments.append(part.function.arguments or "")
    call = plain.choices[0].message.tool_calls[0]
    assert "".join(names) == call.function.name
    assert json.loads("".join(arguments)) == json.loads(call.function.arguments)
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


@pytest.mark.parametrize("encoding", ["float", "base64"])
@pytest.mark.parametrize("way", WAYS)
def test_embeddings(client, way, encoding):
    answer = client().openai.embeddings.create(
        model=f"{way}/embed", input=["one", "two", "one"], encoding_format=encoding)
    assert [item.index for item in answer.data] == [0, 1, 2]
    assert answer.data[0].embedding == answer.data[2].embedding != answer.data[1].embedding
    assert answer.usage.prompt_tokens > 0


def test_models_are_those_that_the_key_may_use(client):
    from gateway import NARROW_KEY
    every = {model.id for model in client().openai.models.list()}
    assert {"nobody/home", "google/gemini-3.5-flash"} <= every
    assert {model.id for model in client(key=NARROW_KEY).openai.models.list()} <= {"sim/echo"}


@pytest.mark.parametrize("model", ["sim/echo", "google/gemini-3.5-flash"])
def test_a_model_is_found_by_an_id_with_a_slash(client, model):
    found = client().openai.models.retrieve(model)
    assert found.id == model and found.object == "model"


def test_an_alias_is_another_name_for_the_model(client):
    assert client().chat("flash").choices[0].message.content


def test_a_good_answer_says_who_gave_it(client):
    watched = client()
    watched.chat("google/gemini-3.5-flash")
    headers = watched.responses[-1].headers
    assert headers["x-tollgate-connection"] == "sim"
    assert headers["x-tollgate-model"] == "google/gemini-3.5-flash"
    assert headers["x-tollgate-attempts"] == "1"
    assert headers["x-request-id"] == headers["request-id"]
