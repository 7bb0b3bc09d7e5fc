"""Google's client."""

import base64

from google.genai import errors, types

from client import WatchedGoogle
from speaking import Answer, Call


class Gemini(WatchedGoogle):
    """Contents."""

    name = "gemini"
    package = "google"
    errors = errors
    base_error = errors.APIError

    @property
    def names(self):
        """The names of the models in the list."""
        return [model.name.removeprefix("models/") for model in self.google.models.list()]

    @staticmethod
    def code(error):
        """Our code, as an error in a stream tells it."""
        told = [detail["reason"] for detail in error.details["error"]["details"] if "reason" in detail]
        return told[0].lower()

    @staticmethod
    def message(error):
        """What an error says."""
        return error.message

    def id_of(self, error):
        """The request id: this client reads none, but its user can."""
        return error.response.headers["x-request-id"]

    def question(self, text, picture=None):
        parts = [types.Part(text=text)]
        if picture is not None:
            parts.append(types.Part.from_bytes(data=base64.b64decode(picture), mime_type="image/png"))
        return [types.Content(role="user", parts=parts)]

    def results(self, answer, given):
        results = [
            types.Part(function_response=types.FunctionResponse(
                id=call.id, name=call.name, response={"output": given[call.name]}))
            for call in answer.calls]
        return [*answer.own, types.Content(role="user", parts=results)]

    def ask(self, model, messages, stream, wishes):
        asked = {"model": model, "contents": messages, "config": self._config(wishes)}
        if stream:
            chunks = list(self.google.models.generate_content_stream(**asked))
        else:
            chunks = [self.google.models.generate_content(**asked)]
        parts = [part for chunk in chunks for each in chunk.candidates or [] if each.content
                 for part in each.content.parts or []]
        finishes = [each.finish_reason for chunk in chunks for each in chunk.candidates or [] if each.finish_reason]
        usage = chunks[-1].usage_metadata
        calls = [part.function_call for part in parts if part.function_call]
        return Answer(
            text="".join(part.text for part in parts if part.text and not part.thought),
            thought="".join(part.text for part in parts if part.text and part.thought),
            calls=[Call(call.id, call.name, call.args) for call in calls],
            finish=finishes[-1].value, prompt=usage.prompt_token_count,
            completion=(usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0),
            own=[types.Content(role="model", parts=parts)], events=len(chunks) if stream else 0)

    def raw_stream(self, model, messages):
        yield from self.google.models.generate_content_stream(model=model, contents=messages)

    def tokens(self, model, messages):
        """What the prompt would count."""
        return self.google.models.count_tokens(model=model, contents=messages).total_tokens

    @staticmethod
    def _config(wishes):
        asked = {}
        if wishes.tools:
            asked["tools"] = [types.Tool(function_declarations=[
                types.FunctionDeclaration(
                    name=tool.name, description=tool.about, parameters_json_schema=tool.schema)
                for tool in wishes.tools])]
        if wishes.schema:
            asked["response_mime_type"] = "application/json"
            asked["response_json_schema"] = wishes.schema
        if wishes.think:
            asked["thinking_config"] = types.ThinkingConfig(include_thoughts=True, thinking_budget=1024)
        if wishes.limit:
            asked["max_output_tokens"] = wishes.limit
        return types.GenerateContentConfig(**asked)
