"""One image on its way to the service: what is asked, and what becomes of it."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

from client import (
    Classification,
    ClassifyAnswer,
    ClassifyOptions,
    Client,
    GradeAnswer,
    GradeOptions,
    Image,
    MelanoserveError,
    Problem,
)

WITHOUT_GRADER = frozenset({"unknown_model", "unknown_label", "version_refused", "runtime_unavailable"})
"""Where /grade says one of these, /classify may still answer."""


@dataclass(frozen=True)
class Pathology:
    """What the report and the staging after it say; None where they say nothing."""

    breslow_mm: Decimal | None = None
    ulcerated: bool | None = None
    n: str | None = None
    m: str | None = None


@dataclass(frozen=True)
class Question:
    """How an image is asked about.

    Attributes:
        operating_point: None for the version's default.
        always: Whether a stage grade is wanted also where it would mislead.
        pathology: Of the lesion.
        frame: Of a DICOM file that has several.
        version: Which one is to answer, of the grader for /grade; None for what `stable` names or, for its share of the
            requests, `canary`.
    """

    operating_point: str | None = None
    always: bool = False
    pathology: Pathology = Pathology()
    frame: int | None = None
    version: int | None = None

    def for_classify(self) -> ClassifyOptions:
        """What /classify is asked."""
        options: ClassifyOptions = {}
        self._fill(options)
        return options

    def for_grade(self) -> GradeOptions:
        """What /grade is asked."""
        options: GradeOptions = {}
        self._fill(options)
        if self.always:
            options["always"] = True
        if self.pathology.breslow_mm is not None:
            options["breslow_mm"] = self.pathology.breslow_mm
        if self.pathology.ulcerated is not None:
            options["ulcerated"] = self.pathology.ulcerated
        if self.pathology.n is not None:
            options["n"] = self.pathology.n
        if self.pathology.m is not None:
            options["m"] = self.pathology.m
        return options

    def _fill(self, options: ClassifyOptions) -> None:
        """What both are asked; the heatmap is always part of it."""
        options["explain"] = True
        if self.operating_point is not None:
            options["operating_point"] = self.operating_point
        if self.frame is not None:
            options["frame"] = self.frame
        if self.version is not None:
            options["version"] = self.version


@dataclass(frozen=True)
class Asked:
    """One image, and what the service said of it.

    Attributes:
        name: Of the file, which the service is never told.
        when: The moment of the answer.
        answer: None if there is none.
        trouble: Why there is none.
        no_grader: Why /classify had to answer instead of /grade, if it had to.
        question: How it was asked.
    """

    name: str
    when: datetime
    answer: GradeAnswer | ClassifyAnswer | None = None
    trouble: MelanoserveError | None = None
    no_grader: Problem | None = None
    question: Question = Question()

    @property
    def title(self) -> str:
        """What people call it: two frames of a file are two pictures."""
        return self.name if self.question.frame is None else f"{self.name}, frame {self.question.frame}"

    @property
    def classification(self) -> Classification | None:
        """Benign or malignant."""
        return self.answer.classification if isinstance(self.answer, GradeAnswer) else self.answer

    @property
    def graded(self) -> GradeAnswer | None:
        """The answer of /grade."""
        return self.answer if isinstance(self.answer, GradeAnswer) else None

    @property
    def image(self) -> Image | None:
        """The image as the service received it."""
        return None if self.answer is None else self.answer.image


def ask(client: Client, name: str, data: bytes, question: Question) -> Asked:
    """Asks /grade, which also says what /classify says; where no grader can answer, /classify alone.

    Args:
        client: Of the service.
        name: Of the file; kept here, not sent.
        data: The file.
        question: How to ask.
    """
    try:
        return Asked(name, _now(), client.grade(data, **question.for_grade()), question=question)
    except Problem as problem:
        if problem.code not in WITHOUT_GRADER:
            return Asked(name, _now(), trouble=problem, question=question)
        refused = problem
    except MelanoserveError as error:
        return Asked(name, _now(), trouble=error, question=question)
    try:
        # The number is the grader's, and another version of the classifier may have it.
        answer = client.classify(data, **replace(question, version=None).for_classify())
        return Asked(name, _now(), answer, no_grader=refused, question=question)
    except MelanoserveError as error:
        return Asked(name, _now(), trouble=error, question=question)


def _now() -> datetime:
    return datetime.now(UTC)
