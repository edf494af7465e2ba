"""POST /classify and POST /grade: one image each, in a form or as the body; with /batch: several, in a form."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from service.answers import (
    ClassifyAnswer,
    ClassifyBatchAnswer,
    ClassifyItem,
    GradeAnswer,
    GradeBatchAnswer,
    GradeItem,
)
from service.batch import Asked, answer_batch
from service.image_route import ImageRoute, answer
from service.inference import classify, grade_image
from service.loading import CLASSIFIER, GRADER
from service.media_types import FORM, UNDECLARED
from service.parameters import BatchGradeQuery, BatchQuery, ClassifyQuery, GradeQuery
from service.problem_responses import described
from service.representations import documented

_BYTES = {"schema": {"type": "string", "format": "binary"}}
_FORM = {
    "schema": {
        "type": "object",
        "required": ["file"],
        "properties": {"file": {"type": "string", "format": "binary"}},
        "additionalProperties": False,
    }
}
_FILES = {
    "schema": {
        "type": "object",
        "required": ["files"],
        "properties": {"files": {"type": "array", "minItems": 1, "items": {"type": "string", "format": "binary"}}},
        "additionalProperties": False,
    }
}
_RAW = ("image/jpeg", "image/png", "image/tiff", "image/webp", "image/bmp", "application/dicom", UNDECLARED)
_BODY: dict[str, Any] = {
    "requestBody": {"required": True, "content": {FORM: _FORM, **dict.fromkeys(_RAW, _BYTES)}},
}

_BATCH: dict[str, Any] = {"requestBody": {"required": True, "content": {FORM: _FILES}}}

router = APIRouter(
    tags=["images"],
    route_class=ImageRoute,
    responses=described(400, 401, 403, 404, 406, 408, 413, 415, 422, 429, 500, 503, 504),
)


@router.post("/classify", response_model=ClassifyAnswer, openapi_extra=_BODY, responses=documented())
async def post_classify(request: Request, query: Annotated[ClassifyQuery, Query()]) -> Response:
    """Says whether a lesion looks benign or malignant."""
    return await answer(request, query, CLASSIFIER, classify)


@router.post("/grade", response_model=GradeAnswer, openapi_extra=_BODY, responses=documented())
async def post_grade(request: Request, query: Annotated[GradeQuery, Query()]) -> Response:
    """Says which melanoma stage grade (1 to 3) a lesion resembles, if it looks like a melanoma at all."""
    return await answer(request, query, GRADER, grade_image)


@router.post("/classify/batch", response_model=ClassifyBatchAnswer, openapi_extra=_BATCH)
async def post_classify_batch(request: Request, query: Annotated[BatchQuery, Query()]) -> Response:
    """Says of each of several images what /classify says of one; a bad one does not fail the others."""
    asked = Asked(CLASSIFIER, classify, ClassifyItem, ClassifyBatchAnswer)
    return await answer_batch(request, query, asked)


@router.post("/grade/batch", response_model=GradeBatchAnswer, openapi_extra=_BATCH)
async def post_grade_batch(request: Request, query: Annotated[BatchGradeQuery, Query()]) -> Response:
    """Says of each of several images what /grade says of one; a bad one does not fail the others."""
    asked = Asked(GRADER, grade_image, GradeItem, GradeBatchAnswer)
    return await answer_batch(request, query, asked)
