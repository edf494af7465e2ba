from model_store.manifest import SourceRecord, TrainingRecord
from training.licence import licence_of
from training.texts import LICENCES


def _record(base: str, *sources: str) -> TrainingRecord:
    """Of a version that learned from these sources, and was measured on another."""

    def source(name: str, learned: int) -> SourceRecord:
        licence = LICENCES.get(name, "not stated")
        return SourceRecord(
            name=name, licence=licence, images=9, training=learned, validation=0, test=9 - learned, removed=0
        )

    return TrainingRecord(
        recipe={"base": base}, sources=[*(source(name, 9) for name in sources), source("fullres", 0)], notes=[]
    )


def test_of_public_images_it_is_for_research_that_earns_nothing() -> None:
    licence = licence_of(_record("imagenet", "ham10000", "isic2017"))
    named = "\n".join(f"- {name}: {LICENCES[name]}" for name in ("ham10000", "isic2017"))
    assert f"{named}\n\nand began with: imagenet." in licence
    assert "Attribution-NonCommercial 4.0" in licence
    assert "not a medical device" in " ".join(licence.split())


def test_of_a_clinic_s_images_nothing_is_said_that_is_not_so() -> None:
    licence = licence_of(_record("classifier with digest 0123", "my\nclinic"))
    assert "- my clinic: not stated\n\nand began with: classifier with digest 0123." in licence
    for name in ("ham10000", "HAM10000", "melanoma10000", "fullres", "Attribution"):
        assert name not in licence
    assert "for non-commercial research only" in " ".join(licence.split())


def test_what_began_with_bundled_weights_stays_as_they_are() -> None:
    assert "Attribution-NonCommercial" in licence_of(_record("classifier with digest 0123", "isic2017"))
    assert "Attribution" not in licence_of(_record("imagenet", "isic2017"))
