"""What the clients have in common: a question, an answer, and the tools between them.

Every client is a class with the same methods, so that one test is for all of them:

* `question(text, picture)` gives a list of messages, in the client's own form;
* `ask(model, messages, stream, wishes)` gives an `Answer`; a stream is read to its end;
* `results(answer, given)` gives the messages that follow an answer that calls tools: the answer as the client
  keeps it, and what each tool gave, by its name;
* `raw_stream(model, messages)` yields what the client yields, until it ends or raises.
"""

import dataclasses
import json


@dataclasses.dataclass
class Call:
    """A call of a tool."""

    id: str
    name: str
    arguments: dict


@dataclasses.dataclass
class Answer:
    """What a client has in the end, whichever it is."""

    text: str = ""
    thought: str = ""
    calls: list = dataclasses.field(default_factory=list)
    finish: str = ""
    # Tokens of the prompt and of the answer, and those of the thoughts where the client has them.
    prompt: int = 0
    completion: int = 0
    # The messages that stand for the answer in the next question.
    own: list = dataclasses.field(default_factory=list)
    # How many events a stream had.
    events: int = 0

    def named(self):
        """The calls without their ids."""
        return sorted((call.name, json.dumps(call.arguments, sort_keys=True)) for call in self.calls)


@dataclasses.dataclass
class Wishes:
    """What is wanted of an answer, beside an answer."""

    tools: list = dataclasses.field(default_factory=list)
    schema: dict = None
    think: bool = False
    limit: int = None
    one_call: bool = False


@dataclasses.dataclass
class Tool:
    """A tool that a model may call."""

    name: str
    about: str
    schema: dict
