"""A route for images: checked query in, response out, without FastAPI's machinery in between.

FastAPI's dependencies, validation and contexts took about half of the event loop's time for each image (profiled).
Here a request goes from its headers to `answer` at once; the OpenAPI document is still FastAPI's own, made from the
same signatures.
"""

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, get_args

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from service.bodies import announced_bytes, read_image
from service.context import context_of
from service.inference import Job, check_point
from service.negotiation import VARY
from service.parameters import BatchQuery, parse_query
from service.progress import Progress
from service.representations import ImageAnswer, Representation, representations_for, written_as
from service.versions import Served

Work = Callable[[Served, Job], ImageAnswer]


class ImageRoute(APIRoute):
    """The endpoint is `async def endpoint(request: Request, query: Annotated[Model, ...]) -> Response`."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:  # noqa: ANN401 - passed on as they are
        super().__init__(path, endpoint, **options)
        self._query: type[BatchQuery] = get_args(inspect.signature(endpoint).parameters["query"].annotation)[0]

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request; of another method than the route's it is refused by FastAPI."""
        if scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)
            return
        request = Request(scope, receive, send)
        query = parse_query(self._query, scope["query_string"])
        response: Response = await self.endpoint(request, query)
        await response(scope, receive, send)


async def answer(request: Request, query: BatchQuery, name: str, work: Work) -> Response:
    """Takes a request's one image all the way to its answer.

    Args:
        request: Its body has not been read. The phases that it goes through are kept in its state as `progress`.
        query: What is asked.
        name: Of which model.
        work: Turns the image into the answer, in a thread.
    """
    context = context_of(request)
    settings = context.settings
    await context.authorise(request, "infer")
    accepted = representations_for(request.headers, explain=query.explain)
    context.trail.check()
    leave = context.admission.enter(announced_bytes(request.headers, settings.max_bytes))
    try:
        progress = request.state.progress = Progress(settings.deadline_seconds)
        notes = context.trail.open(request)
        question = query.question(request)
        served = await context.served(name, query.selection(), question.request_id, progress)
        notes.found(served, query.version, query.label)
        check_point(served, question)
        data = await read_image(request, settings.max_bytes, settings.receive_seconds)
        received = notes.image()
        received.bytes = len(data)
        progress.enter("wait")
    except BaseException:
        leave()
        raise
    request.state.together = min(context.workers.together + 1, context.workers.count)
    job = Job(data, settings.limits, question, progress, received, lambda: context.workers.together)
    encoding = partial(_encoded, work, accepted, served, job)
    encoded, form, received.answer = await context.workers.run(encoding, progress, request.receive, leave)
    request.state.answered = received.answer
    return Response(encoded, headers=VARY, media_type=form.content_type)


def _encoded(
    work: Work, accepted: Sequence[Representation], served: Served, job: Job
) -> tuple[bytes, Representation, ImageAnswer]:
    answered = work(served, job)
    form = written_as(accepted, answered)
    return form.write(answered, job), form, answered
