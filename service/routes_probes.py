"""GET /livez and /readyz, for whatever starts and watches the service. Neither waits for anything."""

from fastapi import APIRouter, Request, Response

from service.answers import LiveAnswer, ReadyAnswer, ReadyModel
from service.context import Context, Shared
from service.engine import STABLE
from service.observation import trouble
from service.problem_responses import described, problem_response
from service.problems import NotReady

router = APIRouter(tags=["probes"])


@router.head("/livez", include_in_schema=False)
@router.get("/livez")
async def get_livez() -> LiveAnswer:
    """The process answers. It may not be ready."""
    return LiveAnswer()


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz", response_model=ReadyAnswer, responses=described(503))
async def get_readyz(request: Request, context: Shared) -> Response:
    """Ready: something answers for `stable` of every model, a prediction of it came out right within the last seconds,
    the audit trail can be written if it must be, and nobody has told the service to stop."""
    engine = context.engine
    models = [_ready_model(name, context) for name in engine.needed()]
    found = "It was told to stop." if context.stopping else trouble(context) if engine.started else None
    if found is None and all(model.state == "serving" for model in models):
        return Response(ReadyAnswer(models=models).model_dump_json(), media_type="application/json")
    reasons = [f"{model.name}: {model.reason}" for model in models if model.state != "serving"]
    detail = "; ".join([*reasons, *([] if found is None else [found])])
    members = {"models": [model.model_dump() for model in models]}
    return problem_response(NotReady(f"Not ready. {detail}"), request.scope, members)


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
