from training import texts
from training.labels import CLASS_MEANINGS
from training.policies import POLICIES


def test_nothing_promises_a_diagnosis() -> None:
    assert "not a medical device" in texts.INTENDED_USE
    for policy in POLICIES.values():
        assert "not a clinical stage" in policy.text
        assert all(meaning.startswith("resembles") for meaning in policy.meanings.values())


def test_the_licence_of_every_source_is_known() -> None:
    assert set(texts.LICENCES) == {
        "ham10000", "isic2017", "melanoma10000", "isic-acral", "melanoma-severity", "fullres",
    }  # fmt: skip


def test_the_policy_names_what_counts_as_malignant() -> None:
    for name in ("melanoma", "basal cell carcinoma", "actinic keratosis"):
        assert name in texts.MALIGNANT_POLICY
        assert name in " ".join(CLASS_MEANINGS.values()).lower()
