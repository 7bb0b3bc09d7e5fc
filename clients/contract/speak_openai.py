"""OpenAI's client, by each of its three ways to ask."""

import json

import openai

from client import Watched
from speaking import Answer, Call


class OpenAI(Watched):
    """What the three ways have in common."""

    package = "openai"
    errors = openai
    base_error = openai.APIError

    @property
    def names(self):
        """The names of the models in the list."""
        return [model.id for model in self.openai.models.list()]

    @staticmethod
    def code(error):
        """Our code, as an error in a stream tells it."""
        return error.code

    @staticmethod
    def message(error):
        """What an error says."""
        return error.body["message"]

    def id_of(self, error):
        """The request id, as an error has it."""
        return error.request_id


class Chat(OpenAI):
    """Chat completions."""

    name = "chat"

    def question(self, text, picture=None):
        content = text
        if picture is not None:
            url = f"data:image/png;base64,{picture}"
            content = [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": url}}]
        return [{"role": "user", "content": content}]

    def results(self, answer, given):
        results = [{"role": "tool", "tool_call_id": call.id, "content": given[call.name]} for call in answer.calls]
        return [*answer.own, *results]

    def ask(self, model, messages, stream, wishes):
        asked = self._asked(model, messages, wishes)
        if not stream:
            answer = self.openai.chat.completions.create(**asked)
            choice, usage, events = answer.choices[0], answer.usage, 0
            message, finish = choice.message.model_dump(exclude_none=True), choice.finish_reason
        else:
            chunks = list(self.openai.chat.completions.create(
                **asked, stream=True, stream_options={"include_usage": True}))
            message, finish, usage = _joined(chunks)
            events = len(chunks)
        calls = [Call(call["id"], call["function"]["name"], json.loads(call["function"]["arguments"]))
                 for call in message.get("tool_calls", [])]
        return Answer(
            text=message.get("content") or "", thought=message.get("reasoning_content") or "", calls=calls,
            finish=finish, prompt=usage.prompt_tokens, completion=usage.completion_tokens, own=[message],
            events=events)

    def raw_stream(self, model, messages):
        yield from self.openai.chat.completions.create(model=model, messages=messages, stream=True)

    @staticmethod
    def _asked(model, messages, wishes):
        asked = {"model": model, "messages": messages}
        if wishes.tools:
            asked["tools"] = [
                {"type": "function", "function": {
                    "name": tool.name, "description": tool.about, "parameters": tool.schema}}
                for tool in wishes.tools]
        if wishes.one_call:
            asked["parallel_tool_calls"] = False
        if wishes.schema:
            asked["response_format"] = {
                "type": "json_schema", "json_schema": {"name": "form", "schema": wishes.schema, "strict": True}}
        if wishes.think:
            asked["reasoning_effort"] = "low"
        if wishes.limit:
            asked["max_completion_tokens"] = wishes.limit
        return asked


def _joined(chunks):
    """The message, the finish reason and the usage that chunks make."""
    message, finish, usage = {"role": "assistant"}, None, None
    for chunk in chunks:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            finish = choice.finish_reason or finish
            for name, value in choice.delta.model_dump(exclude_none=True).items():
                if name in ("content", "reasoning_content"):
                    message[name] = message.get(name, "") + value
                elif name in ("tool_calls", "reasoning_details"):
                    _join(message.setdefault(name, []), value)
    for call in message.get("tool_calls", []):
        call.pop("index")
    return message, finish, usage


def _join(items, pieces):
    """Adds the pieces to the items that they belong to by their index: texts get longer, the rest is kept."""
    for piece in pieces:
        item = next((item for item in items if item["index"] == piece["index"]), None)
        if item is None:
            item = {"index": piece["index"]}
            items.append(item)
        for name, value in piece.items():
            if name in ("arguments", "text", "summary"):
                item[name] = item.get(name, "") + value
            elif name == "function":
                inner = item.setdefault(name, {})
                for key, more in value.items():
                    inner[key] = inner.get(key, "") + more
            else:
                item.setdefault(name, value)


class Responses(OpenAI):
    """The Responses API."""

    name = "responses"

    def question(self, text, picture=None):
        content = [{"type": "input_text", "text": text}]
        if picture is not None:
            content.append({"type": "input_image", "image_url": f"data:image/png;base64,{picture}", "detail": "auto"})
        return [{"role": "user", "content": content}]

    def results(self, answer, given):
        results = [{"type": "function_call_output", "call_id": call.id, "output": given[call.name]}
                   for call in answer.calls]
        return [*answer.own, *results]

    def ask(self, model, messages, stream, wishes):
        asked = self._asked(model, messages, wishes)
        events = []
        if stream:
            events = list(self.openai.responses.create(**asked, stream=True))
            response = events[-1].response
            told = "".join(event.delta for event in events if event.type == "response.output_text.delta")
            assert told == response.output_text, "the deltas and the whole differ"
            numbers = [event.sequence_number for event in events]
            assert numbers == sorted(set(numbers)), "events are not counted"
        else:
            response = self.openai.responses.create(**asked)
        calls = [Call(item.call_id, item.name, json.loads(item.arguments))
                 for item in response.output if item.type == "function_call"]
        thoughts = [part.text for item in response.output if item.type == "reasoning" for part in item.summary]
        cut = response.incomplete_details and response.incomplete_details.reason
        return Answer(
            text=response.output_text, thought="".join(thoughts), calls=calls, finish=cut or response.status,
            prompt=response.usage.input_tokens, completion=response.usage.output_tokens,
            own=list(response.output), events=len(events))

    def raw_stream(self, model, messages):
        yield from self.openai.responses.create(model=model, input=messages, stream=True)

    @staticmethod
    def _asked(model, messages, wishes):
        asked = {"model": model, "input": messages, "store": False}
        if wishes.tools:
            asked["tools"] = [
                {"type": "function", "name": tool.name, "description": tool.about, "parameters": tool.schema,
                 "strict": False}
                for tool in wishes.tools]
        if wishes.one_call:
            asked["parallel_tool_calls"] = False
        if wishes.schema:
            asked["text"] = {
                "format": {"type": "json_schema", "name": "form", "schema": wishes.schema, "strict": True}}
        if wishes.think:
            asked["reasoning"] = {"effort": "low", "summary": "auto"}
            asked["include"] = ["reasoning.encrypted_content"]
        if wishes.limit:
            asked["max_output_tokens"] = wishes.limit
        return asked


class Completions(OpenAI):
    """The old completions: a prompt and a text, and nothing else."""

    name = "completions"

    def question(self, text, picture=None):
        assert picture is None, "a prompt has no pictures"
        return text

    def ask(self, model, messages, stream, wishes):
        asked = {"model": model, "prompt": messages, "max_tokens": wishes.limit or 1000}
        if not stream:
            answer = self.openai.completions.create(**asked)
            return Answer(
                text=answer.choices[0].text, finish=answer.choices[0].finish_reason,
                prompt=answer.usage.prompt_tokens, completion=answer.usage.completion_tokens)
        chunks = list(self.openai.completions.create(**asked, stream=True, stream_options={"include_usage": True}))
        choices = [choice for chunk in chunks for choice in chunk.choices]
        return Answer(
            text="".join(choice.text for choice in choices),
            finish=next(choice.finish_reason for choice in reversed(choices) if choice.finish_reason),
            prompt=chunks[-1].usage.prompt_tokens, completion=chunks[-1].usage.completion_tokens,
            events=len(chunks))

    def raw_stream(self, model, messages):
        yield from self.openai.completions.create(model=model, prompt=messages, stream=True)
