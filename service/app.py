"""The app: settings in, ASGI application out. Nothing is read or loaded before it starts."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

from service import log, problem_responses, routes_images, routes_metrics, routes_models, routes_pages, routes_probes
from service.audit import route as audit_route
from service.audit.recording import Recording
from service.context import Context, make_context
from service.early import end_start
from service.engine import Engine
from service.memory import trim
from service.middleware import RequestContext
from service.observation import measure_levels
from service.openapi import DocumentedApp
from service.settings import Settings

# Of the HTTP contract, not of the code behind it.
CONTRACT_VERSION = "1"

KEEP_UP_SECONDS = 1.0

DESCRIPTION = """\
Says of a dermoscopic image whether the lesion looks benign or malignant and, if it looks like a melanoma, which stage
grade (1 to 3) it resembles. Research use only: no diagnosis, and no substitute for a biopsy.

Errors are `application/problem+json` with a `code`, `retryable` and the `request_id`.
"""


def create_app(
    settings: Settings,
    metrics_folder: Path | None = None,
    *,
    engine: Engine | None = None,
    keys_required: bool = False,
) -> FastAPI:
    """Builds the app.

    Args:
        settings: Checked ones, from `read_settings`.
        metrics_folder: Where the processes that serve together keep what they count; None for a single one.
        engine: One that is loading already (`early.start_early`); without it, the app loads when it starts.
        keys_required: Whether API keys are demanded even if their file is gone by now.

    Returns:
        The app. Once started it answers at once, and is ready when its models are loaded. Its state has the `context`.
    """
    context = make_context(settings, metrics_folder, engine=engine, keys_required=keys_required)
    app = DocumentedApp(
        title="melanoserve",
        version=CONTRACT_VERSION,
        description=DESCRIPTION,
        lifespan=lambda _: _lifespan(context),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        # Names that a generated client can be used by: post_classify, not post_classify_classify_post.
        generate_unique_id_function=lambda route: route.name,
        # FastAPI's own traces would hold paths and queries, and with them whatever a client put there.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.context = context
    app.add_middleware(Recording, context=context)
    app.add_middleware(RequestContext, context=context)
    problem_responses.install(app)
    for module in (routes_images, routes_models, audit_route, routes_probes, routes_metrics):
        app.include_router(module.router)
    routes_pages.install(app)
    return app


@asynccontextmanager
async def _lifespan(context: Context) -> AsyncIterator[None]:
    """Starts what runs beside the requests, and ends it once the last of them is answered."""
    stop = threading.Event()
    context.trail.start()
    watching = asyncio.create_task(asyncio.to_thread(_run_engine, context, stop))
    levels = asyncio.create_task(_keep_up(context))
    yield
    levels.cancel()
    stop.set()
    context.engine.close()
    # A thread cannot be stopped, and a process must not end under one that is in native code.
    await watching
    context.workers.close()
    await asyncio.to_thread(context.trail.close)
    context.tracer.stop()


async def _keep_up(context: Context) -> None:
    """Whichever process Prometheus asks, it must hear of all of them; a key that was there while this one was asked
    nothing must close it as well; a label that nobody asked it to move must be in the trail; and a crowd that is gone
    must not keep memory."""
    while True:
        try:
            measure_levels(context)
            context.keys.look()
            if (labels := context.engine.labels_in_force()) is not None:
                context.trail.see(labels)
            if context.admission.notice_ebb():
                await asyncio.to_thread(trim)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must be tried again
            log.failure("keep_up_failed", error)
        await asyncio.sleep(KEEP_UP_SECONDS)


def _run_engine(context: Context, stop: threading.Event) -> None:
    context.engine.start()
    end_start()
    context.engine.watch(stop)
