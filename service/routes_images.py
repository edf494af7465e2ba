"""POST /classify and POST /grade: one image each, in a form or as the body."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from service.answers import ClassifyAnswer, GradeAnswer
from service.image_route import ImageRoute, answer
from service.inference import classify, grade_image
from service.loading import CLASSIFIER, GRADER
from service.media_types import FORM, UNDECLARED
from service.parameters import ClassifyQuery, GradeQuery
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

router = APIRouter(
    tags=["images"],
    route_class=ImageRoute,
    responses=described(400, 401, 403, 404, 406, 408, 413, 415, 422, 429, 500, 503, 504),
)


@router.post("/classify", response_model=ClassifyAnswer, openapi_extra=_BODY)
async def post_classify(request: Request, query: Annotated[ClassifyQuery, Query()]) -> Response:
    """Says whether a lesion looks benign or malignant."""
    return await answer(request, query, CLASSIFIER, classify)


@router.post("/grade", response_model=GradeAnswer, openapi_extra=_BODY)
async def post_grade(request: Request, query: Annotated[GradeQuery, Query()]) -> Response:
    """Says which melanoma stage grade (1 to 3) a lesion resembles, if it looks like a melanoma at all."""
    return await answer(request, query, GRADER, grade_image)
