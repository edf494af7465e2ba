import pytest

from training.diagnoses import label_of
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


@pytest.mark.parametrize("code", DIAGNOSES)
def test_a_code_is_its_diagnosis(code: str) -> None:
    assert label_of(code) == label_of(code.upper()) == {code}
