"""GET /livez and /readyz, for whatever starts and watches the service. Neither waits for anything."""

from fastapi import APIRouter, Request, Response

from service.answers import LiveAnswer, ReadyAnswer, ReadyModel
from service.context import Shared
from service.openapi import PROBLEM, reference
from service.problem_responses import described, problem_response
from service.problems import NotReady
from service.readiness import readiness

_MODELS = {"models": {"type": "array", "items": reference(ReadyModel.__name__)}}
_NOT_READY = {"allOf": [reference(PROBLEM), {"type": "object", "required": ["models"], "properties": _MODELS}]}

router = APIRouter(tags=["probes"])


@router.get("/livez")
async def get_livez() -> LiveAnswer:
    """The process answers. It may not be ready."""
    return LiveAnswer()


@router.get("/readyz", response_model=ReadyAnswer, responses=described(503, schema=_NOT_READY))
async def get_readyz(request: Request, context: Shared) -> Response:
    """Ready: something answers for `stable` of every model, a prediction of it came out right within the last seconds,
    the audit trail can be written if it must be, the API keys can be read where nothing else lets anybody in, and
    nobody has told the service to stop."""
    found = readiness(context)
    if not found.reasons:
        return Response(ReadyAnswer(models=found.models).model_dump_json(), media_type="application/json")
    members = {"models": [model.model_dump() for model in found.models]}
    return problem_response(NotReady(f"Not ready. {'; '.join(found.reasons)}"), request.scope, members)
