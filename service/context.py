"""What the routes share: the engine, the settings, and the threads in which everything heavy runs."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar

import anyio.to_thread
from anyio import CapacityLimiter
from fastapi import Depends, Request

from service.engine import Engine, Selection, Served
from service.settings import Settings

# Each may take 400 MB while it is decoded (8 bytes for each of 50 million pixels), whatever the number of processors.
MOST_IMAGES = 4

Result = TypeVar("Result")


@dataclass(frozen=True)
class Context:
    """Lives as long as the app."""

    settings: Settings
    engine: Engine
    images: CapacityLimiter
    """Bounds the images that are worked on at once: each holds its pixels."""
    store: CapacityLimiter
    """Work on the store has threads of its own, so that loading a version keeps no image waiting."""

    async def served(self, name: str, selection: Selection) -> Served:
        """The version to use, loaded if need be; raises what `Engine.get` raises."""
        found = self.engine.find(name, selection)
        if found is not None:
            return found
        return await self.on_store(lambda: self.engine.get(name, selection))

    async def on_image(self, work: Callable[[], Result]) -> Result:
        """Runs work on one image in a thread."""
        return await anyio.to_thread.run_sync(work, limiter=self.images)

    async def on_store(self, work: Callable[[], Result]) -> Result:
        """Runs work on the store in a thread."""
        return await anyio.to_thread.run_sync(work, limiter=self.store)


def make_context(settings: Settings) -> Context:
    """A context whose engine has not been started yet."""
    at_once = min(settings.threads or len(os.sched_getaffinity(0)), MOST_IMAGES)
    return Context(settings, Engine(settings), CapacityLimiter(at_once), CapacityLimiter(2))


def _context(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


Shared = Annotated[Context, Depends(_context)]
