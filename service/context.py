"""What the routes share: the settings, the engine, the threads, and what bounds and watches them."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

from fastapi import Depends, Request

from service import VERSION
from service.admission import Admission
from service.audit.address import address_of
from service.audit.trail import Trail
from service.engine import Engine, Selection
from service.key_file import Scope
from service.keys import KeyRing, credential_of, looks_like_token
from service.metrics import Metrics
from service.own_names import check_host
from service.progress import Progress
from service.settings import Settings
from service.tracing import Tracer
from service.tracing import start as start_tracing
from service.versions import Served
from service.workers import Workers, images_at_once

if TYPE_CHECKING:
    from service.tokens import Tokens

Result = TypeVar("Result")


class Threads:
    """For work that would keep images and probes waiting; each kind has its own, so that none waits for another.

    Attributes:
        loading: Loads versions that requests and labels need, half a second each.
        looking: Tells of the store, which tries what was never tried, some seconds.
        summing: Sums up the metrics, a few milliseconds.
    """

    def __init__(self) -> None:
        """Starts none; they start when they are needed."""
        self.loading = ThreadPoolExecutor(2, "loading")
        self.looking = ThreadPoolExecutor(2, "looking")
        self.summing = ThreadPoolExecutor(1, "summing")


async def in_thread(threads: ThreadPoolExecutor, work: Callable[[], Result]) -> Result:
    """Runs work in one of some threads; what gives up waiting for it frees none, and lets go of work not yet begun."""
    return await asyncio.get_running_loop().run_in_executor(threads, work)


@dataclass
class Context:
    """Lives as long as the app."""

    settings: Settings
    engine: Engine
    workers: Workers
    """Bounds the images that are worked on at once: each holds its pixels."""
    admission: Admission
    keys: KeyRing
    tokens: "Tokens | None"
    """None: access tokens are not taken."""
    metrics: Metrics
    tracer: Tracer
    trail: Trail
    """Every request about an image is recorded before it is answered."""
    threads: Threads = field(default_factory=Threads)
    stopping: bool = field(default=False)
    """Whether the end has been announced: not ready any more, and connections are not kept."""

    async def authorise(self, request: Request, scope: Scope) -> None:
        """Refuses who may not ask; without keys, as only a service for this machine or behind a proxy is, no more than
        strangers' web pages.

        Who it is, by key or by access token, is kept in the request's state as `principal`: the log has its id, the
        audit trail its id and name. Raises what `KeyRing.authorise`, `Tokens.authorise` and `check_host` raise.
        """
        if not self.keys.configured:
            if not self.settings.allow_remote_without_keys:
                check_host(request.headers)
            return
        if self.tokens is not None and looks_like_token(sent := credential_of(request.headers)):
            request.state.principal = await self.tokens.authorise(sent, scope)
        else:
            request.state.principal = self.keys.authorise(request.headers, scope)

    async def served(self, name: str, selection: Selection, request_id: str, progress: Progress) -> Served:
        """The version to use, loaded if need be, which is a phase of its own; raises what `Engine.get` raises.

        Raises:
            DeadlineExceeded: It was not loaded in time.
        """
        found = self.engine.find(name, selection, request_id)
        if found is not None:
            return found
        progress.rename("load")
        try:
            async with asyncio.timeout(progress.left):
                loaded = await in_thread(self.threads.loading, lambda: self.engine.get(name, selection))
        except TimeoutError:
            raise progress.too_late() from None
        progress.enter("receive")
        return loaded


def make_context(
    settings: Settings,
    metrics_folder: Path | None = None,
    *,
    engine: Engine | None = None,
    keys_required: bool = False,
) -> Context:
    """What an app needs.

    Args:
        settings: Checked ones.
        metrics_folder: Where the processes that serve together keep what they count; None for a single one.
        engine: One that is loading already; without it, one that has not been started yet.
        keys_required: Whether keys are demanded even if their file is gone by now.
    """
    required = keys_required or settings.keys_required or settings.takes_tokens
    metrics = Metrics(metrics_folder, version=VERSION)
    admission = Admission(settings.max_requests, settings.max_request_bytes)
    workers = Workers(images_at_once(settings), full=lambda: admission.refusing)
    return Context(
        settings,
        engine or Engine(settings),
        workers,
        admission,
        KeyRing(settings.key_file, required=required, processes=settings.processes),
        _tokens(settings),
        metrics,
        start_tracing(settings.trace_endpoint, version=VERSION, share=settings.trace_share),
        Trail(
            settings.audit,
            address_of(settings.audit_url, settings.state),
            metrics,
            software=VERSION,
            days=settings.audit_days,
            crowded=lambda: workers.crowded,
        ),
    )


def _tokens(settings: Settings) -> "Tokens | None":
    if settings.oidc_issuer is None or settings.oidc_audience is None or settings.oidc_jwks is None:
        return None
    from service.tokens import Expected, Tokens  # noqa: PLC0415 - what checks signatures takes long to import

    rate = settings.oidc_rate_per_minute
    share = None if rate is None else rate / settings.processes
    return Tokens(Expected(settings.oidc_issuer, settings.oidc_audience, share), settings.oidc_jwks)


def context_of(request: Request) -> Context:
    """The context of the app that a request came to."""
    context: Context = request.app.state.context
    return context


Shared = Annotated[Context, Depends(context_of)]
