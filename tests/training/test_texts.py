from training import texts
from training.labels import CLASS_MEANINGS


def test_nothing_promises_a_diagnosis() -> None:
    assert "not a medical device" in texts.INTENDED_USE
    assert "not a medical device" in " ".join(texts.MODEL_LICENCE.split()).lower()
    assert "clinical stage" in texts.GRADE_POLICY
    for meaning in texts.GRADES.values():
        assert meaning.startswith("resembles")


def test_the_licence_of_the_weights_is_that_of_the_data() -> None:
    assert "CC BY-NC 4.0" in texts.MODEL_LICENCE
    assert "non-commercial" in texts.MODEL_LICENCE
    assert set(texts.LICENCES) == {
        "ham10000", "isic2017", "melanoma10000", "isic-acral", "melanoma-severity", "fullres",
    }  # fmt: skip


def test_the_policy_names_what_counts_as_malignant() -> None:
    for name in ("melanoma", "basal cell carcinoma", "actinic keratosis"):
        assert name in texts.MALIGNANT_POLICY
        assert name in " ".join(CLASS_MEANINGS.values()).lower()
