"""Every client with every family of providers: what arrives is the same, whoever serves it."""

import json

import pytest

from conftest import cases
from speaking import Tool, Wishes

# The ways to the simulated provider; the first is inside the process, the others each speak a format over TCP.
FAMILIES = ["sim", "openai", "responses", "anthropic", "google"]
CLIENTS = ["chat", "responses", "completions", "messages", "gemini"]
# The old completions have texts only.
WHOLE = [name for name in CLIENTS if name != "completions"]
FORMS = [pytest.param(False, id="plain"), pytest.param(True, id="stream")]
FINISH = cases("finish")

PLAIN = Wishes()
# Who speaks the format of a client, so that nothing is translated.
NATIVE = {"chat": ["sim", "openai"], "responses": ["sim", "responses"], "messages": ["sim", "anthropic"],
          "gemini": ["sim", "google"]}
# One white pixel.
PICTURE = ("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8/5+hHgAHggJ/PchI7wAAAABJRU5ErkJggg==")
PLACE = {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"],
         "additionalProperties": False}
WEATHER = Tool("weather", "The weather at a place.", PLACE)
NEWS = Tool("news", "What happens at a place.", PLACE)
GIVEN = {"weather": "It rains on the harbour.", "news": "The ferry is late."}

every_family = pytest.mark.parametrize("family", FAMILIES)
every_client = pytest.mark.parametrize("name", CLIENTS)
whole_clients = pytest.mark.parametrize("name", WHOLE)
both_forms = pytest.mark.parametrize("stream", FORMS)


def seen(answer):
    """What the model `inspect` says that it received."""
    return json.loads(answer.text)


@every_family
@every_client
def test_a_stream_says_what_a_plain_answer_says(speaker, name, family):
    client = speaker(name)
    question = client.question("Grüße aus Zürich — 你好 👋🏽, \"quoted\"\n\ttab \\ slash")
    for model in ("echo", "story"):
        plain = client.ask(f"{family}/{model}", question, False, PLAIN)
        stream = client.ask(f"{family}/{model}", question, True, PLAIN)
        assert plain.text and stream.text == plain.text
        assert plain.finish == stream.finish == FINISH["stop"][name]
        assert stream.events > 1
        assert (stream.prompt, stream.completion) == (plain.prompt, plain.completion)
        assert plain.prompt > 5 and plain.completion > 5
        if model == "echo":
            assert "Grüße aus Zürich — 你好 👋🏽, \"quoted\"\n\ttab \\ slash" in plain.text


@every_family
@every_client
@both_forms
def test_an_answer_that_was_cut_says_so(speaker, name, family, stream):
    client = speaker(name)
    answer = client.ask(f"{family}/story", client.question("Tell me a story."), stream, Wishes(limit=20))
    assert answer.finish == FINISH["length"][name]
    assert answer.text and answer.completion == 20


@every_family
@whole_clients
@both_forms
def test_tools_are_called_and_their_results_answered(speaker, name, family, stream):
    client = speaker(name)
    wishes = Wishes(tools=[WEATHER, NEWS])
    messages = client.question("What is going on at the harbour?")
    called = client.ask(f"{family}/tools", messages, stream, wishes)
    assert called.finish == FINISH["tools"][name]
    assert called.named() == [("news", '{"place": "simulated"}'), ("weather", '{"place": "simulated"}')]
    ids = [call.id for call in called.calls]
    if family not in NATIVE.get(name, ()) or name != "gemini":  # Google itself gives calls no ids
        assert all(ids) and len(set(ids)) == 2
    messages += client.results(called, GIVEN)
    answer = client.ask(f"{family}/tools", messages, stream, wishes)
    assert answer.finish == FINISH["stop"][name]
    assert not answer.calls
    for given in GIVEN.values():
        assert given in answer.text
    # The model saw both calls, and which result belongs to which.
    turns = seen(client.ask(f"{family}/inspect", messages, stream, wishes))["turns"]
    parts = [part for turn in turns for part in turn["parts"]]
    calls = {part["call"]: part["tool"] for part in parts if part["kind"] == "call"}
    results = {part["call"]: json.dumps(part["parts"]) for part in parts if part["kind"] == "result"}
    assert sorted(calls.values()) == ["news", "weather"]
    assert set(results) == set(calls)
    for number, tool in calls.items():
        assert GIVEN[tool] in results[number]


@every_family
@pytest.mark.parametrize("name", [name for name in WHOLE if name != "gemini"])
@both_forms
def test_one_tool_at_a_time_where_that_is_wanted(speaker, name, family, stream):
    client = speaker(name)
    wishes = Wishes(tools=[WEATHER, NEWS], one_call=True)
    messages = client.question("What is going on at the harbour?")
    order = []
    for _ in range(2):
        called = client.ask(f"{family}/tools", messages, stream, wishes)
        assert len(called.calls) == 1 or family == "google", "Gemini cannot be told"
        order += [call.name for call in called.calls]
        if len(called.calls) == 2:
            break
        messages += client.results(called, GIVEN)
    assert order == ["weather", "news"]


@every_family
@whole_clients
def test_a_picture_is_seen(speaker, name, family):
    client = speaker(name)
    question = client.question("What is this?", PICTURE)
    assert client.ask(f"{family}/see", question, False, PLAIN).text == "image/png 70 bytes"
    parts = seen(client.ask(f"{family}/inspect", question, True, PLAIN))["turns"][0]["parts"]
    assert [part["kind"] for part in parts] == ["text", "image"]


@every_family
@whole_clients
@both_forms
def test_an_answer_has_the_form_that_was_wanted(speaker, name, family, stream):
    client = speaker(name)
    question, wishes = client.question("Where is it?"), Wishes(schema=PLACE)
    answer = client.ask(f"{family}/echo", question, stream, wishes)
    assert json.loads(answer.text) == {"place": "simulated"}
    output = seen(client.ask(f"{family}/inspect", question, stream, wishes))["output"]
    assert output["schema"]["required"] == ["place"]
    assert output["schema"]["properties"] == {"place": {"type": "string"}}


@every_family
@whole_clients
@both_forms
def test_thoughts_are_told_and_may_be_sent_back(speaker, name, family, stream):
    client = speaker(name)
    wishes = Wishes(think=True)
    messages = client.question("Why is it so?")
    answer = client.ask(f"{family}/think", messages, stream, wishes)
    assert answer.text == "Why is it so?"
    if name != "chat" or family == "openai":
        assert answer.thought.startswith("I was asked: Why is it so?")
    assert answer.completion > len(answer.text) / 4
    assert seen(client.ask(f"{family}/inspect", messages, stream, wishes))["thinking"]
    messages = messages + answer.own + client.question("And why not?")
    again = client.ask(f"{family}/think", messages, stream, wishes)
    assert again.text == "And why not?"


@every_family
@whole_clients
@both_forms
def test_tools_are_called_between_thoughts(speaker, name, family, stream):
    client = speaker(name)
    wishes = Wishes(think=True, tools=[WEATHER, NEWS])
    messages = client.question("What is going on at the harbour?")
    called = client.ask(f"{family}/think-tools", messages, stream, wishes)
    assert sorted(call.name for call in called.calls) == ["news", "weather"]
    messages += client.results(called, GIVEN)
    answer = client.ask(f"{family}/think-tools", messages, stream, wishes)
    for given in GIVEN.values():
        assert given in answer.text


@pytest.mark.parametrize("maker", FAMILIES)
@whole_clients
def test_thoughts_of_one_provider_do_not_break_another(speaker, name, maker):
    """The next turn is served by another: its own states are all that a provider gets.

    Where Gemini's format is spoken, the model is one that takes no call without a signature, by its name.
    """
    client = speaker(name)
    wishes = Wishes(think=True, tools=[WEATHER, NEWS])
    messages = client.question("Please call both tools.")
    called = client.ask(f"{maker}/think-tools", messages, True, wishes)
    assert len(called.calls) == 2
    messages += client.results(called, GIVEN)
    for other in FAMILIES:
        if maker != other and {maker, other} <= set(NATIVE[name]):
            continue  # What is relayed byte by byte does not bear its maker's name.
        is_gemini = other == "google" or (name == "gemini" and other in NATIVE[name])
        model = "gemini-3-pro" if is_gemini and maker != other else "think-tools"
        answer = client.ask(f"{other}/{model}", messages, False, wishes)
        assert any(given in answer.text for given in GIVEN.values()), f"from {maker} to {other}"


@every_family
@pytest.mark.parametrize("name", ["messages", "gemini"])
def test_tokens_are_counted_before_they_are_sent(speaker, name, family):
    client = speaker(name)
    short = client.tokens(f"{family}/echo", client.question("One."))
    long = client.tokens(f"{family}/echo", client.question("One, and then many more than one of them."))
    assert 0 < short < long


@pytest.mark.parametrize("name", ["chat", "messages", "gemini"])
def test_models_are_listed_in_the_form_of_the_client(speaker, name):
    names = speaker(name).names
    assert {"google/gemini-3.5-flash", "nobody/home", "sim/echo"} <= set(names)
    assert set(names) == set(speaker("chat").names)


@both_forms
@every_family
@pytest.mark.parametrize("version", ["v1", "v1beta"])
def test_both_versions_of_the_address_are_served(speaker, version, family, stream):
    client = speaker("gemini", version=version)
    answer = client.ask(f"{family}/echo", client.question("Here?"), stream, PLAIN)
    assert answer.text == "Here?"
    assert f"/{version}/models/" in str(client.requests[-1].url)


@pytest.mark.parametrize("credential", ["api_key", "auth_token", "x-api-key"])
def test_a_key_is_taken_where_the_client_puts_it(speaker, credential):
    from gateway import KEY
    options = {"api_key": None, "auth_token": None}
    if credential == "x-api-key":
        options = {"default_headers": {"x-api-key": KEY}, "api_key": KEY}
    else:
        options[credential] = KEY
    client = speaker("messages", **options)
    assert client.ask("anthropic/echo", client.question("In?"), False, PLAIN).text == "In?"
