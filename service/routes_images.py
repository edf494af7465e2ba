"""POST /classify and POST /grade: one image each, in a form or as the body."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel

from service.answers import ClassifyAnswer, GradeAnswer
from service.bodies import read_image
from service.context import Shared
from service.inference import classify, grade_image
from service.loading import CLASSIFIER, GRADER
from service.media_types import FORM, UNDECLARED, check_accept
from service.parameters import ClassifyQuery, GradeQuery, no_repeats
from service.problem_responses import described

_BYTES = {"schema": {"type": "string", "format": "binary"}}
_FORM = {
    "schema": {
        "type": "object",
        "required": ["file"],
        "properties": {"file": {"type": "string", "format": "binary"}},
        "additionalProperties": False,
    }
}
_RAW = ("image/jpeg", "image/png", "image/tiff", "image/webp", "image/bmp", UNDECLARED)
_BODY: dict[str, Any] = {
    "requestBody": {"required": True, "content": {FORM: _FORM, **dict.fromkeys(_RAW, _BYTES)}},
}


def accepts_json(request: Request) -> None:
    """Refuses a client that does not take JSON before its image is read."""
    check_accept(request.headers.get("accept", ""))


router = APIRouter(
    tags=["images"],
    dependencies=[Depends(accepts_json), Depends(no_repeats)],
    responses=described(400, 404, 406, 413, 415, 422, 500, 503),
)


@router.post("/classify", response_model=ClassifyAnswer, openapi_extra=_BODY)
async def post_classify(request: Request, query: Annotated[ClassifyQuery, Query()], context: Shared) -> Response:
    """Says whether a lesion looks benign or malignant."""
    question = query.question(request)
    served = await context.served(CLASSIFIER, query.selection())
    data = await read_image(request, context.settings.max_bytes)
    return _json(await context.on_image(lambda: classify(served, data, context.settings.limits, question)))


@router.post("/grade", response_model=GradeAnswer, openapi_extra=_BODY)
async def post_grade(request: Request, query: Annotated[GradeQuery, Query()], context: Shared) -> Response:
    """Says which melanoma stage grade (1 to 3) a lesion resembles, if it looks like a melanoma at all."""
    question = query.question(request)
    served = await context.served(GRADER, query.selection())
    data = await read_image(request, context.settings.max_bytes)
    return _json(await context.on_image(lambda: grade_image(served, data, context.settings.limits, question)))


def _json(answer: BaseModel) -> Response:
    # The answer is validated already; FastAPI would do it again.
    return Response(answer.model_dump_json(), media_type="application/json")
