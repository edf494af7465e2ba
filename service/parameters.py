"""The query parameters, checked strictly: what is misspelt, given twice or out of range is refused, never ignored."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, TypeVar, get_args
from urllib.parse import parse_qsl

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from service.ajcc import M_CATEGORY, N_CATEGORY, Pathology
from service.engine import Selection
from service.inference import Question
from service.problems import ConflictingParameters, InvalidParameter, UnknownParameter

_MOST_NAMED = 10
"""Of the parameters that nobody knows so many are named in an answer."""

_CATEGORIES = {
    ("n", "string_pattern_mismatch"): "a category is 0, 1 to 3 with or without a, b or c, or X, like N0 or 1a",
    ("m", "string_pattern_mismatch"): "a category is 0 or 1, with or without a, b, c or d, like M0, 1b or M1c(1)",
}
"""What is said of one that cannot be: a pattern is for programs."""

_NUMBER = re.compile(r"-?([0-9]+(\.[0-9]*)?|\.[0-9]+)")


class StrictQuery(BaseModel):
    """Base of all: a field's docstring becomes its description."""

    model_config = ConfigDict(extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _number_as_people_write_it(cls, given: object, field: ValidationInfo) -> object:
        """`1_0` and the digits of other scripts are numbers to Python, and no thickness that anybody meant."""
        annotation = cls.model_fields[str(field.field_name)].annotation
        number = not {int, float, Decimal}.isdisjoint({annotation, *get_args(annotation)})
        if number and isinstance(given, str) and not _NUMBER.fullmatch(given):
            raise ValueError("a number is written with the digits 0 to 9, like 2 or 0.8")
        return given


class BatchQuery(StrictQuery):
    """What /classify/batch may be asked: not for a frame, which is of one file."""

    version: int | None = Field(None, ge=1)
    """Number of the version to use, for /grade of the grader; not together with `label`."""
    label: str | None = Field(None, min_length=1, max_length=64)
    """Label of the version to use, for /grade of the grader; if neither is given, `stable`, or `canary` for its share
    of the requests."""
    operating_point: str | None = Field(None, min_length=1, max_length=100)
    """Name of the classifier's operating point; the version's default if not given."""
    explain: bool = False
    """Adds a picture of where the evidence is."""
    prevalence: float | None = Field(None, gt=0, lt=1)
    """Of all lesions that you photograph, the share that is malignant, between 0 and 1: adds what the decision is worth
    there."""

    def selection(self) -> Selection:
        """Which version is asked for.

        Raises:
            ConflictingParameters: Both a number and a label.
        """
        if self.version is not None and self.label is not None:
            raise ConflictingParameters("Give version or label, not both.")
        return Selection(self.version, self.label)

    def question(self, request: Request) -> Question:
        """What is asked."""
        return Question(request.state.request_id, self.operating_point, self.explain, self.prevalence)


class ClassifyQuery(BatchQuery):
    """What /classify may be asked."""

    frame: int | None = Field(None, ge=1)
    """Of a DICOM object with several frames, the number of the one that is meant, from 1."""

    def question(self, request: Request) -> Question:
        """What is asked."""
        return replace(super().question(request), frame=self.frame)


class BatchGradeQuery(BatchQuery):
    """What /grade/batch may be asked: not pathology, which is of one lesion. `version` and `label` are the grader's."""

    always: bool = False
    """Gives the grade also of what is called benign, or where another malignancy leads; `grade.caveat` then says so."""

    def question(self, request: Request) -> Question:
        """What is asked."""
        return replace(super().question(request), always=self.always)


class GradeQuery(BatchGradeQuery):
    """What /grade may be asked. `version` and `label` are the grader's."""

    breslow_mm: Decimal | None = Field(None, ge=0, le=100, max_digits=6)
    """Pathology: Breslow thickness in mm; 0 means in situ."""
    ulcerated: bool | None = None
    """Pathology: whether the primary is ulcerated, which a melanoma in situ is not: then there is no T category."""
    n: str | None = Field(None, pattern=f"^{N_CATEGORY}$")
    """Clinical N category, such as 0, N1a, NX."""
    m: str | None = Field(None, pattern=f"^{M_CATEGORY}$")
    """Clinical M category, such as 0, M1b."""
    frame: int | None = Field(None, ge=1)
    """Of a DICOM object with several frames, the number of the one that is meant, from 1."""

    def question(self, request: Request) -> Question:
        """What is asked."""
        pathology = Pathology(self.breslow_mm, self.ulcerated, self.n, self.m)
        return replace(super().question(request), pathology=pathology, frame=self.frame)


class LabelMove(BaseModel):
    """Where a label is to point."""

    model_config = ConfigDict(extra="forbid", strict=True)

    version: int = Field(ge=1, le=10**9)
    """The version; it is verified, loaded and tried before the label moves."""
    share: float | None = Field(None, ge=0, le=1, allow_inf_nan=False)
    """For `canary`: of the requests that name neither version nor label, how many it answers instead of `stable`.
    Without it the label keeps the share that it has; 0 ends it."""


Model = TypeVar("Model", bound=BaseModel)


def parse_query(model: type[Model], query: bytes) -> Model:
    """Checks a query string.

    Args:
        model: What may be asked.
        query: As it came, percent-encoded.

    Raises:
        UnknownParameter: There is one that the model does not have.
        InvalidParameter: One is given twice, or has a value that it cannot have.
    """
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True) if query else []
    _check_once(name for name, _ in pairs)
    try:
        return model.model_validate(dict(pairs))
    except ValidationError as error:
        raise parameter_problem(error.errors(include_url=False, include_context=False, include_input=False)) from None


def parse_body(model: type[Model], body: bytes) -> Model:
    """Checks a JSON body.

    Args:
        model: What it may be.
        body: As it came.

    Raises:
        InvalidParameter: It is not JSON, not of this form, or has a member twice; UnknownParameter if it has one too
            many.
    """
    try:
        found = model.model_validate_json(body)
    except ValidationError as error:
        raise parameter_problem(error.errors(include_url=False, include_context=False, include_input=False)) from None
    # pydantic takes the last of two members with one name: what the other one said would be lost without a word.
    members = json.loads(body, object_pairs_hook=lambda pairs: [name for name, _ in pairs])
    if len(set(members)) < len(members):
        raise InvalidParameter("A member of the body is given twice.")
    return found


def parameter_problem(faults: Sequence[Any]) -> InvalidParameter:
    """The problem that pydantic's list of faults is; what was received is not repeated."""
    named = [
        (str(fault["loc"][-1]) if fault["loc"] else "body", fault["type"], fault["msg"].removeprefix("Value error, "))
        for fault in faults
    ]
    named = [(name, kind, _CATEGORIES.get((name, kind), message)) for name, kind, message in named]
    unknown = [name for name, kind, _ in named if kind == "extra_forbidden"]
    if unknown:
        listed = ", ".join(repr(name[:40]) for name in unknown[:_MOST_NAMED])
        return UnknownParameter(f"Unknown: {listed}; /docs lists the parameters.")
    return InvalidParameter("; ".join(f"{name}: {message}" for name, _, message in named) + ".")


def nothing_twice(request: Request) -> None:
    """Refuses a parameter that is given twice, for routes whose query FastAPI reads: it would take the last one.

    Raises:
        InvalidParameter: There is one.
    """
    _check_once(name for name, _ in request.query_params.multi_items())


def no_query(request: Request) -> None:
    """Refuses every parameter, for routes that have none.

    Raises:
        UnknownParameter: There is one.
    """
    for name in request.query_params:
        raise UnknownParameter(f"Unknown: {name[:40]!r}; this path has no parameters.")


def _check_once(names: Iterable[str]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise InvalidParameter(f"{name[:40]!r} is given {count} times.")
