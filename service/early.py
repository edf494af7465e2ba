"""The start: models load while the rest of the service is imported."""

import gc
import sys
import threading

from pydantic import BaseModel

from service.engine import Engine
from service.memory import use_few_arenas
from service.priority import give_way
from service.settings import Settings

SWITCH_SECONDS = 0.001
"""After so long a thread that works on an image lets the event loop go on; Python's own 5 ms would add up to the time
in which a refusal or a probe is answered."""
_SWITCH_AT_START_SECONDS = 0.0001
"""After so long the imports let go on what loads the models, which needs Python for a moment at each of its steps."""


def start_early(settings: Settings) -> Engine:
    """An engine that is already loading, in a thread of its own, while the caller imports the rest of the service.

    Until `end_start` no garbage is collected: of what is made by imports there is hardly any, and looking for it takes
    a tenth of the start. It also sets how threads share memory, for as long as the process lives.
    """
    sys.setswitchinterval(_SWITCH_AT_START_SECONDS)
    use_few_arenas()
    gc.disable()
    engine = Engine(settings)
    threading.Thread(target=_load, args=(engine,), name="first-load").start()
    _import_fastapi()
    return engine


def end_start() -> None:
    """Goes over to serving. What is there now stays: it is not looked through again while requests wait."""
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.freeze()
    gc.enable()


def _import_fastapi() -> None:
    """The models of an OpenAPI document, a tenth of the imports, are built when somebody asks for the document."""
    BaseModel.model_config["defer_build"] = True
    try:
        import fastapi.openapi.models  # noqa: F401, PLC0415
    finally:
        del BaseModel.model_config["defer_build"]


def _load(engine: Engine) -> None:
    give_way()  # the runtime's own threads begin here
    engine.start()
