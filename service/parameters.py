"""The query parameters, checked strictly: what is misspelt, given twice or out of range is refused, never ignored."""

from collections import Counter
from decimal import Decimal

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field

from service.ajcc import M_CATEGORY, N_CATEGORY, Pathology
from service.engine import STABLE, Selection
from service.inference import Question
from service.problems import ConflictingParameters, InvalidParameter, UnknownParameter


class ClassifyQuery(BaseModel):
    """What /classify may be asked."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    version: int | None = Field(None, ge=1)
    """Number of the version to use; not together with `label`."""
    label: str | None = Field(None, min_length=1, max_length=64)
    """Label of the version to use; `stable` if neither is given."""
    operating_point: str | None = Field(None, min_length=1, max_length=100)
    """Name of the classifier's operating point; the version's default if not given."""
    explain: bool = False
    """Adds a picture of where the evidence is."""

    def selection(self) -> Selection:
        """Which version is asked for.

        Raises:
            ConflictingParameters: Both a number and a label.
        """
        if self.version is not None and self.label is not None:
            raise ConflictingParameters("Give version or label, not both.")
        return Selection(self.version, self.label or STABLE)

    def question(self, request: Request) -> Question:
        """What is asked."""
        return Question(request.state.request_id, self.operating_point, self.explain)


class GradeQuery(ClassifyQuery):
    """What /grade may be asked. `version` and `label` are the grader's."""

    always: bool = False
    """Gives the grade also when the lesion does not look like a melanoma; `grade.caveat` then says so."""
    breslow_mm: Decimal | None = Field(None, ge=0, le=100, max_digits=6)
    """Pathology: Breslow thickness in mm; 0 means in situ."""
    ulcerated: bool | None = None
    """Pathology: whether the primary is ulcerated."""
    n: str | None = Field(None, pattern=f"^{N_CATEGORY}$")
    """Clinical N category, such as 0, N1a, NX."""
    m: str | None = Field(None, pattern=f"^{M_CATEGORY}$")
    """Clinical M category, such as 0, M1b."""

    def question(self, request: Request) -> Question:
        """What is asked."""
        pathology = Pathology(self.breslow_mm, self.ulcerated, self.n, self.m)
        return Question(request.state.request_id, self.operating_point, self.explain, self.always, pathology)


def no_repeats(request: Request) -> None:
    """Refuses a parameter that is given twice: one of its values would be ignored.

    Raises:
        InvalidParameter: One is.
    """
    counts = Counter(name for name, _ in request.query_params.multi_items())
    for name, count in counts.items():
        if count > 1:
            raise InvalidParameter(f"{name[:40]!r} is given {count} times.")


def no_query(request: Request) -> None:
    """Refuses every parameter, for routes that have none.

    Raises:
        UnknownParameter: There is one.
    """
    for name in request.query_params:
        raise UnknownParameter(f"Unknown: {name[:40]!r}; this path has no parameters.")
