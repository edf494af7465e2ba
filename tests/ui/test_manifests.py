import pytest

from client import Client, GradeAnswer
from client.manifest import VersionAnswer
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


@pytest.mark.parametrize("now", [{"state": "refused", "digest": None, "manifest": None}, {"digest": None}])
def test_a_version_that_is_not_shown_is_asked_for_again(
    said: GradeAnswer, monkeypatch: pytest.MonkeyPatch, now: dict[str, object]
) -> None:
    """What was refused for a moment, or was being tried, would be without figures until the page is started anew."""
    shown = Client.version

    def not_shown(client: Client, name: str, version: int) -> VersionAnswer:
        return shown(client, name, version).model_copy(update=now)

    with monkeypatch.context() as for_a_moment:
        for_a_moment.setattr(Client, "version", not_shown)
        assert manifest_of(said.model) is None
        assert manifest_of(said.classification.model) is None
        assert points() == []
    assert manifest_of(said.model) is not None
    assert manifest_of(said.classification.model) is not None
    assert points() != []
