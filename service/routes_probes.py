"""GET /livez and /readyz, for whatever starts and watches the service."""

from fastapi import APIRouter, Request, Response

from model_store.errors import StoreError
from service.answers import LiveAnswer, ReadyAnswer, ReadyModel
from service.context import Context, Shared
from service.engine import Selection
from service.problem_responses import described, problem_response
from service.problems import NotReady

router = APIRouter(tags=["probes"])


@router.get("/livez")
async def get_livez() -> LiveAnswer:
    """The process answers. It may not be ready."""
    return LiveAnswer()


@router.get("/readyz", response_model=ReadyAnswer, responses=described(503))
async def get_readyz(request: Request, context: Shared) -> Response:
    """Ready: what `stable` names is loaded now, and real predictions of it came out right."""
    models = [await _ready_model(name, context) for name in context.engine.needed()]
    if all(model.state == "serving" for model in models):
        return Response(ReadyAnswer(models=models).model_dump_json(), media_type="application/json")
    reasons = "; ".join(f"{model.name}: {model.reason}" for model in models if model.state != "serving")
    members = {"models": [model.model_dump() for model in models]}
    return problem_response(NotReady(f"Not ready. {reasons}"), request.scope, members)


async def _ready_model(name: str, context: Context) -> ReadyModel:
    if not context.engine.started:
        return ReadyModel(name=name, version=None, state="loading", reason="It is being loaded.", golden=0)
    try:
        # Loads what a label was moved to: nobody may ask for it before it is ready.
        served = await context.served(name, Selection())
    except StoreError as error:
        return ReadyModel(name=name, version=None, state="refused", reason=str(error), golden=0)
    stored = served.stored
    return ReadyModel(
        name=name, version=stored.version, state="serving", reason=None, golden=len(stored.manifest.golden)
    )
