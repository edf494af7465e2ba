"""What is told of one request after its answer: to the log, the metrics and the traces."""

import logging
from typing import Any

from starlette.datastructures import Headers
from starlette.types import Scope

from service import log
from service.answers import ClassifyAnswer, GradeAnswer, ModelInfo
from service.context import Context
from service.metrics import IMAGE_ENDPOINTS
from service.progress import Progress
from service.readiness import readiness
from service.tracing import Finished, end_to_end

RECORDED = frozenset({*IMAGE_ENDPOINTS, "/models/{name}/labels/{label}", "/audit"})
"""What has rows in the audit trail; refusals before somebody is let in are only summed up."""

ROUTINE = ("/livez", "/readyz", "/metrics")


def observe(context: Context, scope: Scope, status: int | None, begun: float, seconds: float) -> None:
    """Counts, traces and logs a request.

    Args:
        context: Of the app.
        scope: Of the request; its state has what became of it.
        status: Of the answer; None if the client left before it.
        begun: When, on the clock of `time.perf_counter`.
        seconds: From its headers to the end of its answer.
    """
    state = scope["state"]
    # The route's own template, not the path that was asked for: a client may have put a name into that.
    path: str | None = getattr(scope.get("route"), "path", None)
    progress: Progress | None = state.get("progress")
    if progress is not None:
        progress.finish()
    _count(context, path, status, state, seconds)
    if path in RECORDED and "audit" not in state and "problem" in state:
        # Who was not let in could otherwise fill the disk.
        context.trail.refused(path, state["problem"])
    trace = _trace(context, scope, path, status, begun, seconds) if context.tracer.enabled else {}
    # Whoever watches the service asks every few seconds; only an answer that is not 200 is news.
    level = logging.DEBUG if path in ROUTINE and status == 200 else logging.INFO
    if not log.logger.isEnabledFor(level):
        return
    principal = state.get("principal")
    phases = {} if progress is None else {name: round(took * 1000, 1) for name, took in progress.seconds.items()}
    log.event(
        "request",
        level,
        request_id=state["request_id"],
        key=None if principal is None else principal.id,
        method=scope["method"],
        path=path,
        status=status,
        code=state.get("problem"),
        duration_ms=round(seconds * 1000, 1),
        phases_ms=phases,
        **trace,
    )


def measure_levels(context: Context) -> None:
    """Tells the metrics what is under way, what is allowed, how the versions stand, and whether it is ready."""
    admission = context.admission
    context.metrics.in_flight(admission.requests, admission.bytes)
    context.metrics.limits(admission.most_requests, admission.most_bytes)
    context.metrics.versions(context.engine.versions.states())
    context.metrics.audit(context.trail.waiting, context.trail.trouble is None)
    context.metrics.ready(not readiness(context).reasons)


def _count(context: Context, path: str | None, status: int | None, state: dict[str, Any], seconds: float) -> None:
    metrics, admission = context.metrics, context.admission
    metrics.request(path or "", status or 0, state.get("problem"), seconds)
    progress: Progress | None = state.get("progress")
    if progress is not None:
        metrics.in_flight(admission.requests, admission.bytes)
        for phase, took in progress.seconds.items():
            metrics.phase(phase, took)
    if "together" in state:
        metrics.batch(state["together"])
    for answered in _answers(state):
        decided = answered if isinstance(answered, ClassifyAnswer) else answered.classification
        metrics.decided(decided.model.name, decided.model.version, decided.decision, decided.probability)
        if decided.quality is not None:
            metrics.abstained(decided.model.name, decided.model.version, decided.quality.issues)
        if isinstance(answered, GradeAnswer) and answered.grade is not None:
            metrics.graded(answered.model.version, answered.grade.stage)


def _answers(state: dict[str, Any]) -> list[ClassifyAnswer | GradeAnswer]:
    """The answers about images that a request was given: none, one, or those of a batch."""
    answered = state.get("answered")
    several = answered if isinstance(answered, list) else [answered]
    return [one for one in several if isinstance(one, ClassifyAnswer | GradeAnswer)]


def _trace(  # noqa: PLR0913, PLR0917 - all that is known of a request
    context: Context, scope: Scope, path: str | None, status: int | None, begun: float, seconds: float
) -> dict[str, str]:
    state = scope["state"]
    progress: Progress | None = state.get("progress")
    model: ModelInfo | None = next((answered.model for answered in _answers(state)), None)
    trace_id = context.tracer.request(
        Finished(
            request_id=state["request_id"],
            endpoint=path or "other",
            status=status or 0,
            code=state.get("problem"),
            begun=begun,
            seconds=seconds,
            phases=() if progress is None else tuple(end_to_end(progress.begun, progress.seconds)),
            model=None if model is None else model.name,
            version=None if model is None else model.version,
            traceparent=Headers(scope=scope).get("traceparent"),
        )
    )
    return {} if trace_id is None else {"trace_id": trace_id}
