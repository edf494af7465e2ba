import pytest

from client import GradeAnswer
from ui.manifests import manifest_of, points

pytestmark = pytest.mark.usefixtures("connected")


def test_each_version_that_answered_is_told_by_its_own(said: GradeAnswer) -> None:
    classifier, grader = manifest_of(said.classification.model), manifest_of(said.model)
    assert classifier is not None
    assert classifier.default_operating_point == said.classification.operating_point.name
    assert grader is not None
    assert set(grader.classes) == {"1", "2", "3"}


@pytest.mark.parametrize("change", [{"sha256": "0" * 64}, {"version": 99}, {"name": "another"}])
def test_of_another_version_it_says_nothing(said: GradeAnswer, change: dict[str, object]) -> None:
    """Figures of a version that was published again under the number would be told of the one that answered."""
    assert manifest_of(said.model.model_copy(update=change)) is None


def test_the_operating_points_are_those_of_who_answers_by_default(said: GradeAnswer) -> None:
    assert said.classification.operating_point.name in points()
    assert len(set(points())) == len(points()) > 1
