import pytest

from training.diagnoses import is_denied, is_plain, label_of
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
        ("seborrheic keratoses", {"bkl"}),
        ("actinic keratoses", {"akiec"}),
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
        "nao_melanoma",
        "não melanoma",
        "na\u0303o melanoma",  # its accent a character of its own, as in names of files on a Mac
        "sin_melanoma",
        "senza melanoma",
        "sans melanoma",
        "pas de melanoma",
        "kein_melanoma",
        "geen melanoma",
        "inte melanoma",
        "w/o melanoma",
        "all but melanoma",
        "others_than_melanoma",
        "melanoma_mimics",
        "melanoma_0",
        "melanoma: 0.0",
        "0_melanoma",
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
        ("0.6 mm melanoma", MELANOMA),
        ("melanoma 0.6 mm", MELANOMA),
        ("stage 0 melanoma", MELANOMA),
        ("10_melanoma", MELANOMA),
        ("small, but melanoma", MELANOMA),
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


@pytest.mark.parametrize(
    "name",
    [
        # As the ISIC Archive, its challenges, HAM10000, PH2 and collections made of them call their classes.
        "actinic keratosis", "basal cell carcinoma", "dermatofibroma", "melanoma", "nevus",
        "pigmented benign keratosis", "seborrheic keratosis", "squamous cell carcinoma", "vascular lesion",
        "Actinic keratoses and intraepithelial carcinoma", "benign keratosis-like lesions", "melanocytic nevi",
        "vascular lesions", "Basal Cell Carcinoma (BCC)", "Benign Keratosis-like Lesions (BKL)",
        "Melanocytic Nevi (NV)", "common_nevus", "atypical_nevus", "Nevus, Atypical, Dysplastic, or Clark",
        "Melanoma, NOS", "Lentigo NOS", "Solar or actinic keratosis", "Lichen planus like keratosis", "solar_lentigo",
        "Bowen's disease", "Squamous cell carcinoma in situ", "Melanoma In Situ", "Melanoma metastasis",
        "superficial spreading melanoma", "lentigo maligna", "melanoma maligno", "cherry angioma", "hemangiomas",
        "pyogenic granuloma", "wart", "Benign", "malignant", "other_malignant", "benign_others", "Malignant lesions",
        "benign skin tumours", "MELANOMAS", "nevi", "naevi", "01_melanoma", "2. Melanoma", "10-nevus", "melanoma 2017",
        "melanoma_1", *DIAGNOSES, "MEL", "AK", "SCC",
    ],
)  # fmt: skip
def test_an_ordinary_name_of_a_class_says_nothing_else(name: str) -> None:
    assert label_of(name)
    assert is_plain(name)


@pytest.mark.parametrize(
    "name",
    [
        "suspected melanoma", "melanoma_like", "bukan melanoma", "ikke-melanoma", "melanoma_mimics",
        "melanoma precursors", "melanoma_nevus", "melanoma and nevi", "mel nevus", "benign_malignant",
        "Melanoma Skin Cancer Nevi and Moles", "Seborrheic Keratoses and other Benign Tumors",
        "Actinic Keratosis Basal Cell Carcinoma", "something", "UNK", "",
        "melanoma and carcinoma", "melanoma_carcinoma", "melanoma_keratosis", "melanoma or malignant lesions",
        "melanoma and others", "nevus and other benign", "benign or malignant",
    ],
)  # fmt: skip
def test_a_name_that_says_more_or_less_is_not_plain(name: str) -> None:
    assert not is_plain(name)
