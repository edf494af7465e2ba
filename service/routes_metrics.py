"""GET /metrics, for Prometheus."""

from fastapi import APIRouter, Request, Response

from service.context import Context, Shared

router = APIRouter(tags=["probes"])


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def get_metrics(request: Request, context: Shared) -> Response:
    """What was measured since the start, over all processes, in Prometheus's text format or as OpenMetrics."""
    _refresh(context)
    # Summing up what several processes wrote takes a few milliseconds, which no image should wait for.
    accept = request.headers.get("accept", "")
    body, media_type = await context.on_store(lambda: context.metrics.exposition(accept))
    return Response(body, headers={"Content-Type": media_type})


def _refresh(context: Context) -> None:
    """Levels are read when they are asked for, not whenever they change."""
    admission, engine = context.admission, context.engine
    context.metrics.in_flight(admission.requests, admission.bytes)
    context.metrics.limits(admission.most_requests, admission.most_bytes)
    context.metrics.versions(engine.versions.states())
    context.metrics.ready(engine.started and not context.stopping and engine.trouble is None)
