"""GET /metrics, for Prometheus."""

from typing import Any

from fastapi import APIRouter, Request, Response

from service.context import Shared, in_thread
from service.observation import measure_levels

_TEXT = {"schema": {"type": "string"}}
_FORMS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": _TEXT, "application/openmetrics-text": _TEXT}}
}

router = APIRouter(tags=["probes"])


@router.get("/metrics", response_class=Response, responses=_FORMS)
async def get_metrics(request: Request, context: Shared) -> Response:
    """What was measured since the start, over all processes, in Prometheus's text format or as OpenMetrics."""
    measure_levels(context)
    # Summing up what several processes wrote takes a few milliseconds, which no image should wait for.
    accept = request.headers.get("accept", "")
    body, media_type = await in_thread(context.threads.summing, lambda: context.metrics.exposition(accept))
    return Response(body, headers={"Content-Type": media_type})
