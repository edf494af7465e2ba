import pytest

from client import GradeAnswer
from ui.manifests import manifest_of, points

pytestmark = pytest.mark.usefixtures("connected")


def test_the_version_that_answered_says_what_it_is(said: GradeAnswer) -> None:
    for model, task in ((said.classification.model, "classification"), (said.model, "grading")):
        manifest = manifest_of(model)
        assert manifest is not None
        assert (manifest.name, manifest.version, manifest.task) == (model.name, model.version, task)


@pytest.mark.parametrize("change", [{"sha256": "0" * 64}, {"version": 99}, {"name": "another"}])
def test_of_another_version_it_says_nothing(said: GradeAnswer, change: dict[str, object]) -> None:
    """Figures of a version that was published again under the number would be told of the one that answered."""
    assert manifest_of(said.model.model_copy(update=change)) is None


def test_the_operating_points_are_those_of_who_answers_by_default(said: GradeAnswer) -> None:
    assert said.classification.operating_point.name in points()
    assert len(set(points())) == len(points()) > 1
