"""Whether the service is ready, and what is in the way: the same for /readyz and for the metric `melanoserve_ready`."""

from dataclasses import dataclass

from service.answers import ReadyModel
from service.context import Context
from service.following import STABLE


@dataclass(frozen=True)
class Readiness:
    """How this process stands now."""

    models: list[ReadyModel]
    """Those that are needed."""
    reasons: list[str]
    """Why it is not ready; none if it is."""


def readiness(context: Context) -> Readiness:
    """Whether something answers for `stable` of every model that is needed, and nothing else is in the way.

    It waits for nothing and may be asked at any time.
    """
    models = [_ready_model(name, context) for name in context.engine.needed()]
    unserved = [f"{model.name}: {model.reason}" for model in models if model.state != "serving"]
    trouble = _trouble(context)
    return Readiness(models, unserved if trouble is None else [*unserved, trouble])


def _trouble(context: Context) -> str | None:
    if context.stopping:
        return "It was told to stop."
    unrecorded = context.trail.trouble if context.trail.mode == "required" else None
    # Whoever has an access token is let in all the same.
    locked = context.keys.trouble if context.tokens is None else None
    # Before it has started nothing was predicted, and that is no trouble.
    return (context.engine.trouble if context.engine.started else None) or unrecorded or locked


def _ready_model(name: str, context: Context) -> ReadyModel:
    answering = context.engine.answering(name, STABLE)
    if answering is not None:
        stored, reason = answering.served.stored, answering.trouble
        golden = len(stored.manifest.golden)
        return ReadyModel(name=name, version=stored.version, state="serving", reason=reason, golden=golden)
    if not context.engine.started:
        return ReadyModel(name=name, version=None, state="loading", reason="It is being loaded.", golden=0)
    reason = context.engine.reason(name, STABLE)
    return ReadyModel(name=name, version=None, state="refused", reason=reason, golden=0)
