"""The HTTP server's addresses: OpenAI's chat completions, the models, health, metrics, and the chat page."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware

from nanochat.inference import request as engine
from nanochat.serve.answering import Answering, EventStream
from nanochat.serve.conversation import TooLong, fit
from nanochat.serve.dispatcher import Dispatcher, QueueFull
from nanochat.serve.guards import Guards
from nanochat.serve.metrics import CONTENT_TYPE
from nanochat.serve.openai_forms import ApiError, ChatRequest, Forms, first_fault
from nanochat.serve.page_files import read_page
from nanochat.tokenizer.chat import render_prompt
from nanochat.tokenizer.tokenizer import Tokenizer


@dataclass(frozen=True)
class Served:
    """The model that is served, and within which limits."""

    name: str
    fingerprint: str  # the run and its step: what a seed gives the same text with
    created: int  # when the checkpoint was made, in seconds since 1970
    context: int  # tokens that the model reads in all
    tokenizer: Tokenizer
    tools: Sequence[str] = ("calculator",)
    seconds: float = 300.0  # that an answer may take
    names: Sequence[str] = ()  # of this machine, besides localhost and its addresses
    origins: Sequence[str] = field(default=())  # of other sites whose pages may ask


def make_app(served: Served, dispatcher: Dispatcher) -> FastAPI:
    """The application. FastAPI's own pages of documentation are off: they load scripts from elsewhere."""
    app = FastAPI(title="nanochat", docs_url=None, redoc_url=None)
    # The last one added is the outermost: other origins learn of a refusal, too.
    app.add_middleware(
        Guards,
        names={name.lower() for name in served.names},
        origins=set(served.origins),
        metrics=dispatcher.metrics,
    )
    if served.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(served.origins),
            allow_methods=["GET", "POST"],
            allow_headers=["*"],
        )
    add_errors(app)
    add_state(app, served, dispatcher)
    add_page(app)

    @app.post("/v1/chat/completions")
    async def chat_completions(body: ChatRequest, request: Request) -> Response:
        """Answer the last message of a conversation."""
        answering = await begin(body, served, dispatcher)
        if body.stream:
            options = body.stream_options
            return EventStream(answering, bool(options and options.include_usage))
        return await answering.whole(request.receive)

    return app


async def begin(body: ChatRequest, served: Served, dispatcher: Dispatcher) -> Answering:
    """Check a request and hand it to the engine. Raises `ApiError`."""
    if body.model not in (None, served.name):
        says = f"there is no model {body.model[:100]!r} here; there is {served.name!r}"
        raise ApiError(404, says, "model", "model_not_found")
    body.check_supported()
    sampling, stops, conversation = body.sampling(), body.stops(), body.conversation()
    asked_tokens = body.max_completion_tokens or body.max_tokens
    if asked_tokens is not None and asked_tokens > served.context:
        says = f"max_tokens={asked_tokens:,} is more than this model's context of {served.context:,} tokens"
        raise ApiError(400, says, "max_tokens", "invalid_value")
    max_tokens = asked_tokens or served.context
    # Half a million characters take a tenth of a second; nobody else should wait for them.
    ids, left_out = await asyncio.to_thread(prompt_of, conversation, max_tokens, body.truncation, served)
    seed = secrets.randbits(48) if body.seed is None else body.seed
    requests = [
        engine.Request(tuple(ids), max_tokens, sampling, seed + number, stop_texts=stops)
        for number in range(body.n or 1)
    ]
    if not dispatcher.ready:
        again = {"retry-after": "5"}
        raise ApiError(503, "no engine is up; ask again in 5 s", code="not_ready", headers=again)
    try:
        asked = dispatcher.ask(requests)
    except QueueFull as full:
        raise ApiError(
            429, str(full), code="queue_full", headers={"retry-after": str(full.seconds)}
        ) from None
    return Answering(dispatcher, asked, Forms(served.name, served.fingerprint), served.seconds, left_out)


def prompt_of(
    conversation: dict[str, Any], max_tokens: int, truncation: str | None, served: Served
) -> tuple[list[int], int]:
    """The ids of the prompt, and how many old turns were left out. Raises `ApiError` if it is too long."""
    try:
        if truncation == "auto":
            return fit(served.tokenizer, conversation, served.context, max_tokens)
        ids = render_prompt(served.tokenizer, conversation)
        if len(ids) >= served.context:
            raise TooLong(len(ids), served.context)
    except TooLong as error:
        says = (
            f"the messages have {error.tokens:,} tokens; this model reads {error.context:,} in all, and one "
            "must be left to write"
        )
        raise ApiError(400, says, "messages", "context_length_exceeded") from None
    except ValueError as error:  # half of a surrogate pair, which is no character
        raise ApiError(400, str(error)[:500], "messages", "invalid_value") from None
    return ids, 0


def add_errors(app: FastAPI) -> None:
    """Every error in OpenAI's form."""

    def answer(error: ApiError) -> Response:
        return JSONResponse(error.form(), error.status, error.headers)

    @app.exception_handler(ApiError)
    async def told(_: Request, error: ApiError) -> Response:
        return answer(error)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        return answer(first_fault(error.errors()))

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        if error.status_code == 400:  # nested too deep, or not UTF-8
            return answer(ApiError(400, "the body is not JSON that can be read", code="invalid_json"))
        path = request.url.path[:100]
        says = {404: f"there is nothing at {path!r}", 405: f"{path!r} does not take {request.method}"}
        message = says.get(error.status_code, str(error.detail))
        return answer(ApiError(error.status_code, message, headers=error.headers))

    @app.exception_handler(Exception)
    async def unforeseen(_: Request, error: Exception) -> Response:
        return answer(ApiError(500, "the server made a mistake; its log says more"))


def add_state(app: FastAPI, served: Served, dispatcher: Dispatcher) -> None:
    """What there is and how it goes."""

    @app.get("/v1/models")
    async def models() -> dict[str, Any]:
        """The one model, as OpenAI lists many, and what the chat page wants to know of it."""
        more = {"context": served.context, "fingerprint": served.fingerprint, "tools": list(served.tools)}
        model = {"id": served.name, "object": "model", "created": served.created, "owned_by": "nanochat"}
        return {"object": "list", "data": [{**model, "nanochat": more}]}

    @app.get("/v1/models/{name}")
    async def model(name: str) -> dict[str, Any]:
        """The one model, if that is its name."""
        if name != served.name:
            says = f"there is no model {name[:100]!r} here; there is {served.name!r}"
            raise ApiError(404, says, "model", "model_not_found")
        return {"id": name, "object": "model", "created": served.created, "owned_by": "nanochat"}

    @app.get("/health")
    async def health() -> Response:
        """200 if at least one engine is up."""
        up, all_of_them = dispatcher.ready, len(dispatcher.seats)
        state = {"status": "ok" if up else "no engine is up", "workers": all_of_them, "workers_ready": up}
        return JSONResponse(state, 200 if up else 503)

    @app.get("/metrics")
    async def metrics() -> Response:
        """Figures for Prometheus."""
        now = dispatcher.metrics.text(dispatcher.rows_in_use, dispatcher.waiting, dispatcher.ready)
        return PlainTextResponse(now, media_type=CONTENT_TYPE)


def add_page(app: FastAPI) -> None:
    """The chat page."""
    files = read_page()

    @app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    async def index(request: Request) -> Response:
        return send("index.html", request)

    @app.api_route("/page/{name}", methods=["GET", "HEAD"], include_in_schema=False)
    async def page(name: str, request: Request) -> Response:
        return send(name, request)

    def send(name: str, request: Request) -> Response:
        if name not in files:
            raise HTTPException(404)
        file = files[name]
        headers = {"etag": file.etag, "cache-control": "no-cache"}
        if request.headers.get("if-none-match") == file.etag:
            return Response(status_code=304, headers=headers)
        return Response(file.content, media_type=file.media_type, headers=headers)
