import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dermoscopy.errors import CorruptImage, TooManyPixels
from dermoscopy.limits import Limits
from dermoscopy.prepare import prepare
from model_store.decision import decide, grade
from model_store.errors import ImplausibleOutput, UnknownOperatingPoint
from service.engine import Engine, Selection
from service.inference import Job, Question, classify, grade_image
from service.progress import Progress
from service.settings import Settings
from service.versions import Served
from tests.tiny_models import BENIGN, MELANOMA, picture, png

LIMITS = Limits()
QUESTION = Question("id")


def job(data: bytes, question: Question = QUESTION, limits: Limits = LIMITS) -> Job:
    return Job(data, limits, question, Progress(60))


@pytest.fixture(scope="module")
def engine(pristine_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return Engine(Settings(store=pristine_store, state=tmp_path_factory.mktemp("state")))


@pytest.fixture
def classifier(engine: Engine) -> Served:
    return engine.get("classifier", Selection())


@pytest.fixture
def grader(engine: Engine) -> Served:
    return engine.get("grader", Selection())


def test_the_answer_is_what_the_model_store_decides(classifier: Served) -> None:
    data = png(picture(MELANOMA, seed=7))
    outputs = classifier.runtime.run(prepare(data).pixels[np.newaxis])
    expected = decide(classifier.stored.manifest, outputs, 0)
    answer = classify(classifier, job(data))
    assert (answer.decision, answer.probability) == (expected.decision, expected.probability)
    assert answer.classes == expected.classes
    assert answer.calibrated_for_prevalence == 0.2
    assert answer.image.sha256 == hashlib.sha256(data).hexdigest()


def test_the_grade_is_what_the_model_store_grades(grader: Served) -> None:
    data = png(picture(MELANOMA, seed=7))
    expected = grade(grader.stored.manifest, grader.runtime.run(prepare(data).pixels[np.newaxis]), 0)
    answer = grade_image(grader, job(data))
    assert answer.grade is not None
    assert (answer.grade.stage, answer.grade.probabilities) == (expected.stage, expected.probabilities)
    assert answer.grade.meaning == grader.stored.manifest.classes
    assert answer.grade.evidence == grader.stored.manifest.evidence


def test_exactly_one_of_grade_and_withheld_is_null(grader: Served) -> None:
    for colour in (MELANOMA, BENIGN):
        for always in (False, True):
            answer = grade_image(grader, job(png(picture(colour)), Question("id", always=always)))
            assert (answer.grade is None) != (answer.grade_withheld is None)


def test_a_grade_that_is_given_though_benign_is_likelier_says_so(grader: Served) -> None:
    answers = (grade_image(grader, job(png(picture((level + 30, level, level))))) for level in range(80, 180, 2))
    found = next(
        answer
        for answer in answers
        if answer.grade is not None and (answer.classification.classes or {})["benign"] > 0.5
    )
    assert found.classification.decision == "malignant"
    assert found.grade is not None
    assert str(found.grade.caveat).startswith("The lesion is more likely benign")


def test_the_same_bytes_give_the_same_answer_every_time(classifier: Served) -> None:
    data = png(picture(MELANOMA))
    answers = {classify(classifier, job(data)).model_dump_json() for _ in range(5)}
    assert len(answers) == 1


def test_limits_and_damage_raise_what_dermoscopy_raises(classifier: Served) -> None:
    data = png(picture(MELANOMA))
    with pytest.raises(TooManyPixels):
        classify(classifier, job(data, limits=Limits(max_pixels=1000)))
    with pytest.raises(CorruptImage):
        classify(classifier, job(data[: len(data) // 2]))


def test_an_operating_point_that_is_not_there_never_becomes_the_default(classifier: Served) -> None:
    with pytest.raises(UnknownOperatingPoint):
        classify(classifier, job(png(picture(MELANOMA)), Question("id", operating_point="best")))


def test_a_grader_without_its_classifier_gives_no_answer(grader: Served) -> None:
    with pytest.raises(ImplausibleOutput):
        grade_image(replace(grader, classifier=None), job(png(picture(MELANOMA))))


def test_a_model_that_cannot_explain_says_so(grader: Served) -> None:
    """A grader has no activation map; run as a classifier it must not draw anything."""
    classifier = grader.classifier
    assert classifier is not None
    mixed = replace(classifier, runtime=grader.runtime)
    with pytest.raises(ImplausibleOutput):
        classify(mixed, job(png(picture(MELANOMA)), Question("id", explain=True)))
