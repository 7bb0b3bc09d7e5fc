"""Anthropic's client."""

import anthropic

from client import WatchedAnthropic
from speaking import Answer, Call


class Messages(WatchedAnthropic):
    """Messages."""

    name = "messages"
    package = "anthropic"
    errors = anthropic
    base_error = anthropic.APIError

    @property
    def names(self):
        """The names of the models in the list."""
        return [model.id for model in self.anthropic.models.list(limit=1000)]

    @staticmethod
    def code(error):
        """Our code, as an error in a stream tells it."""
        return error.error_code

    @staticmethod
    def message(error):
        """What an error says."""
        return error.api_message

    def id_of(self, error):
        """The request id, as an error has it."""
        return error.request_id

    def question(self, text, picture=None):
        content = [{"type": "text", "text": text}]
        if picture is not None:
            source = {"type": "base64", "media_type": "image/png", "data": picture}
            content.append({"type": "image", "source": source})
        return [{"role": "user", "content": content}]

    def results(self, answer, given):
        results = [{"type": "tool_result", "tool_use_id": call.id, "content": given[call.name]}
                   for call in answer.calls]
        return [*answer.own, {"role": "user", "content": results}]

    def ask(self, model, messages, stream, wishes):
        asked = self._asked(model, messages, wishes)
        events = []
        if stream:
            with self.anthropic.messages.stream(**asked) as running:
                events = list(running)
                message = running.get_final_message()
        else:
            message = self.anthropic.messages.create(**asked)
        calls = [Call(block.id, block.name, block.input) for block in message.content if block.type == "tool_use"]
        texts = [block.text for block in message.content if block.type == "text"]
        thoughts = [block.thinking for block in message.content if block.type == "thinking"]
        return Answer(
            text="".join(texts), thought="".join(thoughts), calls=calls, finish=message.stop_reason,
            prompt=message.usage.input_tokens, completion=message.usage.output_tokens,
            own=[{"role": "assistant", "content": message.content}], events=len(events))

    def raw_stream(self, model, messages):
        yield from self.anthropic.messages.create(model=model, max_tokens=1000, messages=messages, stream=True)

    def tokens(self, model, messages):
        """What the prompt would count."""
        return self.anthropic.messages.count_tokens(model=model, messages=messages).input_tokens

    @staticmethod
    def _asked(model, messages, wishes):
        asked = {"model": model, "messages": messages, "max_tokens": wishes.limit or 4096}
        if wishes.tools:
            asked["tools"] = [
                {"name": tool.name, "description": tool.about, "input_schema": tool.schema} for tool in wishes.tools]
        if wishes.one_call:
            asked["tool_choice"] = {"type": "auto", "disable_parallel_tool_use": True}
        if wishes.schema:
            asked["output_config"] = {"format": {"type": "json_schema", "schema": wishes.schema}}
        if wishes.think:
            asked["thinking"] = {"type": "enabled", "budget_tokens": 1024}
        return asked
