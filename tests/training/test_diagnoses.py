import pytest

from training.diagnoses import is_denied, label_of
from training.labels import BENIGN, DIAGNOSES, MALIGNANT, MELANOMA, Label


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Melanoma in situ", MELANOMA),
        ("melanoma metastasis", MELANOMA),
        ("lentigo maligna", MELANOMA),
        ("melanoma (less than 0.76 mm)", MELANOMA),
        ("Basal cell carcinoma", {"bcc"}),
        ("Solar or actinic keratosis", {"akiec"}),
        ("Squamous cell carcinoma in situ, Bowen's disease", {"akiec"}),
        ("squamous cell carcinoma", {"bcc", "akiec"}),
        ("clark nevus", {"nv"}),
        ("Naevus, atypical", {"nv"}),
        ("Seborrheic keratosis", {"bkl"}),
        ("seborrhoeic keratosis", {"bkl"}),
        ("solar lentigo", {"bkl"}),
        ("Lichen planus like keratosis", {"bkl"}),
        ("lentigo NOS", BENIGN),
        ("dermatofibroma", {"df"}),
        ("cherry angioma", {"vasc"}),
        ("Benign", BENIGN),
        ("malignant", MALIGNANT),
        ("atypical melanocytic proliferation", frozenset()),
        ("unknown", frozenset()),
        ("miscellaneous", frozenset()),
        ("", frozenset()),
        ("AK", {"akiec"}),
        ("SCC", {"bcc", "akiec"}),
        ("UNK", frozenset()),
    ],
)
def test_words_and_codes(text: str, label: Label) -> None:
    assert label_of(text) == label


@pytest.mark.parametrize(
    "text",
    [
        "NotMelanoma",
        "not_melanoma",
        "non-melanoma",
        "non\u2011melanoma skin cancer",
        "nonmelanoma",
        "no melanoma",
        "NoMelanoma",
        "is_not_melanoma",
        "hasNotMelanoma",
        "not a melanoma",
        "not malignant melanoma",
        "nevus, no evidence of malignant melanoma",
        "benign, without signs of melanoma",
        "other than melanoma",
        "melanoma_negative",
        "melanoma: no",
        "melanoma-free",
        "not_malignant",
        "non-malignant",
        "non-benign",
        "no nevus",
        "Flat melanotic pigmentations - not melanocytic nevus",
        "non basal cell carcinoma",
    ],
)
def test_what_is_denied_gets_no_label(text: str) -> None:
    assert is_denied(text)
    assert label_of(text) == frozenset()


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("non-invasive melanoma", MELANOMA),
        ("Melanoma, not otherwise specified", MELANOMA),
        ("melanoma, no ulceration", MELANOMA),
        ("amelanotic nodular melanoma", MELANOMA),
        ("nonpigmented basal cell carcinoma", {"bcc"}),
        ("nevus, non-congenital", {"nv"}),
        ("benign, non-melanocytic", BENIGN),
        ("non-melanocytic benign lesion", BENIGN),
        ("non-melanocytic", frozenset()),
        ("no diagnosis", frozenset()),
        ("notes", frozenset()),
    ],
)
def test_a_denied_circumstance_denies_no_diagnosis(text: str, label: Label) -> None:
    assert not is_denied(text)
    assert label_of(text) == label


@pytest.mark.parametrize("code", DIAGNOSES)
def test_a_code_is_its_diagnosis(code: str) -> None:
    assert label_of(code) == label_of(code.upper()) == {code}
