"""The forms of OpenAI's chat completions: what is asked, what is answered, what has gone wrong.

Beyond OpenAI's own there are

- in a request: `top_k`, `min_p`, `repetition_penalty`, and `truncation: "auto"`, which lets the oldest turns
  leave where the conversation is longer than the context (OpenAI has it in its Responses API)
- in an answer: the field `nanochat`. A call of a tool is in a stream a delta of its own,
  `{"nanochat": {"type": "python", "text": "37*12"}}`, and its result one of type `python_output`; without
  streaming, `message.nanochat.parts` has text, calls and results in their order. `content` is the text alone.
- in a message that is sent back: an assistant's content may be these parts, so that the model sees its calls

What would change the answer and is not there (`tools`, `logprobs`, `response_format`, ...) is refused by
name. What would not (`user`, `metadata`, `store`, ...) is taken and not used.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from nanochat.inference.request import Part, Sampling
from nanochat.serve.conversation import Message, content_of
from nanochat.tokenizer.chat import ConversationError, check_conversation

MOST_MESSAGES = 1_000
MOST_CHOICES = 8
MOST_STOPS, LONGEST_STOP = 4, 500
# Settings that would change the answer, and the values with which they do not.
UNSUPPORTED: dict[str, tuple[object, ...]] = {
    "tools": ([],), "functions": ([],), "logprobs": (False, 0), "top_logprobs": (0,), "logit_bias": ({},),
    "response_format": ({"type": "text"},), "presence_penalty": (0,), "frequency_penalty": (0,),
    "audio": (), "modalities": (["text"],), "prediction": (), "web_search_options": (),
}  # fmt: skip


class ApiError(Exception):
    """Something that a client is told in OpenAI's form, with an HTTP status."""

    def __init__(
        self,
        status: int,
        message: str,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status, self.message, self.param, self.code = status, message, param, code
        self.headers = dict(headers or {})
        super().__init__(message)

    def form(self) -> dict[str, Any]:
        """The body of the answer.

        >>> ApiError(400, "n=9 is more than 8", "n", "invalid_value").form()["error"]["param"]
        'n'
        """
        kinds = {429: "rate_limit_error", 500: "server_error", 503: "server_error"}
        kind = kinds.get(self.status, "invalid_request_error")
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}


class StreamOptions(BaseModel):
    """Of a stream."""

    model_config = ConfigDict(strict=True)
    include_usage: bool | None = Field(None, description="end with a chunk that counts the tokens")


class ChatRequest(BaseModel):
    """The body of `POST /v1/chat/completions`."""

    model_config = ConfigDict(strict=True, extra="allow", allow_inf_nan=False)
    messages: list[dict[str, Any]] = Field(
        min_length=1,
        max_length=MOST_MESSAGES,
        description="system (at most one, first), user and assistant in turns; the last is the user's",
    )
    model: str | None = Field(None, description="as in /v1/models; may be left out")
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: float | None = Field(None, description="0: always the likeliest token")
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1, description="the same, by its newer name")
    stop: str | list[str] | None = None
    seed: int | None = Field(None, ge=-(2**63), lt=2**63, description="the same seed gives the same text")
    n: int | None = Field(None, ge=1, le=MOST_CHOICES, description="how many answers")
    truncation: Literal["auto", "disabled"] | None = None

    def sampling(self) -> Sampling:
        """How tokens are to be chosen; what is not said is as in `Sampling`.

        >>> ChatRequest(messages=[{}], temperature=0).sampling().temperature
        0.0
        """
        names = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty")
        try:
            return Sampling(**{name: value for name in names if (value := getattr(self, name)) is not None})
        except ValueError as error:
            raise ApiError(400, str(error), str(error).partition("=")[0], "invalid_value") from None

    def stops(self) -> tuple[str, ...]:
        """The texts that end an answer."""
        stops = [self.stop] if isinstance(self.stop, str) else self.stop or []
        if len(stops) > MOST_STOPS or not all(0 < len(stop) <= LONGEST_STOP for stop in stops):
            says = f"stop: up to {MOST_STOPS} texts of 1 to {LONGEST_STOP} characters"
            raise ApiError(400, says, "stop", "invalid_value")
        return tuple(stops)

    def check_supported(self) -> None:
        """Raise `ApiError` for a setting that would change the answer and is not there.

        >>> ChatRequest(messages=[{}], tools=[{"type": "function"}]).check_supported()
        Traceback (most recent call last):
        nanochat.serve.openai_forms.ApiError: tools: this server does not have it; leave it out
        """
        for name, neutral in UNSUPPORTED.items():
            value = (self.model_extra or {}).get(name)
            if value is not None and value not in neutral:
                says = f"{name}: this server does not have it; leave it out"
                raise ApiError(400, says, name, "unsupported_parameter")

    def conversation(self) -> dict[str, list[Message]]:
        """The messages in the format of `nanochat.tokenizer.chat`.

        >>> ChatRequest(
        ...     messages=[{"role": "user", "content": [{"type": "text", "text": "no?"}]}]
        ... ).conversation()
        {'messages': [{'role': 'user', 'content': 'no?'}]}
        """
        messages = [plain_message(number, one) for number, one in enumerate(self.messages)]
        try:
            check_conversation({"messages": messages})
            if messages[-1]["role"] != "user":
                raise ConversationError(f"message {len(messages)}: the last message must be the user's")
        except ConversationError as error:
            raise ApiError(400, str(error), "messages", "invalid_messages") from None
        return {"messages": messages}


def plain_message(number: int, message: Mapping[str, Any]) -> Message:
    """One message as the tokenizer knows it: OpenAI's names and its lists of text parts made plain."""
    role, content = message.get("role"), message.get("content")
    if role == "developer":  # the newer name
        role = "system"
    if isinstance(content, list):
        for place, part in enumerate(content):
            kind = part.get("type") if isinstance(part, dict) else None
            if kind not in ("text", "python", "python_output") or not isinstance(part.get("text"), str):
                where = f"messages.{number}.content.{place}"
                raise ApiError(400, f"{where}: only parts of text are read", where, "invalid_value")
        parts = [Part(part["type"], part["text"]) for part in content]
        content = content_of(parts) if role == "assistant" else "\n".join(part.text for part in parts)
    return {"role": role, "content": content}


class Forms:
    """The answers to one request: a whole one, or chunks of a stream.

    >>> forms = Forms("d4", "d4-100")
    >>> forms.chunk(0, {"content": "4"})["choices"]
    [{'index': 0, 'delta': {'content': '4'}, 'logprobs': None, 'finish_reason': None}]
    """

    def __init__(self, model: str, fingerprint: str) -> None:
        self.head = {
            "id": f"chatcmpl-{secrets.token_hex(12)}",
            "created": int(time.time()),
            "model": model,
            "system_fingerprint": fingerprint,
        }

    def chunk(self, index: int, delta: Mapping[str, Any], finish: str | None = None) -> dict[str, Any]:
        """A piece of a stream."""
        choice = {"index": index, "delta": dict(delta), "logprobs": None, "finish_reason": finish}
        return {**self.head, "object": "chat.completion.chunk", "choices": [choice]}

    def usage_chunk(self, usage: Mapping[str, int]) -> dict[str, Any]:
        """The last piece of a stream, if it was asked for."""
        return {**self.head, "object": "chat.completion.chunk", "choices": [], "usage": dict(usage)}

    def completion(
        self, answers: Sequence[tuple[Sequence[Part], str]], usage: Mapping[str, int], left_out: int
    ) -> dict[str, Any]:
        """Whole answers, each its parts and why it ended."""
        choices = [
            {
                "index": index,
                "message": {
                    "role": "assistant",
                    "content": "".join(part.text for part in parts if part.type == "text"),
                    "refusal": None,
                    "nanochat": {"parts": parts_of(parts), "turns_left_out": left_out},
                },
                "logprobs": None,
                "finish_reason": finish,
            }
            for index, (parts, finish) in enumerate(answers)
        ]
        return {**self.head, "object": "chat.completion", "choices": choices, "usage": dict(usage)}


def parts_of(parts: Sequence[Part]) -> list[dict[str, str]]:
    """The parts of an answer, stretches of text joined."""
    content = content_of(parts)
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return content


def delta_of(part: Part) -> dict[str, Any]:
    """A part of an answer as the delta of a chunk.

    >>> delta_of(Part("python", "37*12"))
    {'nanochat': {'type': 'python', 'text': '37*12'}}
    """
    if part.type == "text":
        return {"content": part.text}
    return {"nanochat": {"type": part.type, "text": part.text}}


def usage_of(prompt: int, completion: int) -> dict[str, int]:
    """How many tokens were read and written."""
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


def first_fault(errors: Sequence[Mapping[str, Any]]) -> ApiError:
    """The first thing that is wrong with a body, as pydantic lists them.

    >>> errors = [{"type": "bool_type", "loc": ("body", "stream"), "msg": "Input should be a valid boolean"}]
    >>> first_fault(errors).message
    'stream: input should be a valid boolean'
    """
    error = errors[0]
    # Where several types are possible, pydantic names the one it tried last, as if it were a field.
    where = ".".join(str(step) for step in error["loc"][1:] if step not in ("str", "list[str]"))
    if error["type"] == "json_invalid":
        return ApiError(400, "the body is not valid JSON", None, "invalid_json")
    if not where:
        return ApiError(400, "the body must be a JSON object", None, "invalid_type")
    code = {"missing": "missing_required_parameter", "too_long": "too_many"}.get(
        error["type"], "invalid_value"
    )
    message = str(error["msg"])
    return ApiError(400, f"{where}: {message[:1].lower()}{message[1:]}", where, code)
