"""From a diagnosis in words to the label that it is: the set of diagnoses that the words leave open.

What is not known here gets the empty label, on which nothing is trained: a guess would be a wrong label.
"""

from __future__ import annotations

import re

from training.labels import BENIGN, DIAGNOSES, MALIGNANT, MELANOMA, Label

OTHER_MALIGNANT: Label = MALIGNANT - MELANOMA

_WORDS: tuple[tuple[str, Label], ...] = (
    # The first that is found decides, so what contains another comes before it.
    (r"indeterminate|atypical melanocytic proliferation|\bunknown\b|\bunk\b", frozenset()),
    (r"lentigo maligna|melanoma", MELANOMA),
    (r"basal cell", frozenset({"bcc"})),
    # HAM10000's akiec is actinic keratosis and intraepithelial carcinoma, which is Bowen's disease.
    (r"(actinic|solar) keratosis|intraepithelial|bowen|squamous cell carcinoma,? in situ", frozenset({"akiec"})),
    # No diagnosis of its own among the seven, but one of their malignant company.
    (r"squamous cell|keratoacanthoma|\bscc\b", OTHER_MALIGNANT),
    (r"na?ev(us|i)", frozenset({"nv"})),
    (r"seborrh?oeic keratosis|seborrheic keratosis|solar lentigo|lichen(oid| planus)|pigmented benign keratosis",
     frozenset({"bkl"})),
    (r"dermatofibroma", frozenset({"df"})),
    (r"angioma|angiokeratoma|vascular|pyogenic granuloma|ha?emorrhage", frozenset({"vasc"})),
    (r"\blentigo\b|melanosis|acrochordon|cafe-au-lait|neurofibroma|scar\b|wart|verruca", BENIGN),
    (r"\bbenign\b", BENIGN),
    (r"\bmalignant\b|\bcarcinoma\b", MALIGNANT),
)  # fmt: skip

_CODES: dict[str, Label] = {code: frozenset({code}) for code in DIAGNOSES} | {
    "ak": frozenset({"akiec"}),
    "scc": OTHER_MALIGNANT,
    "unk": frozenset(),
}


def label_of(text: str) -> Label:
    """The label that a diagnosis is.

    Args:
        text: In words ("Melanoma in situ"), or one of the codes of HAM10000 and the ISIC challenges ("nv", "AK").

    Returns:
        The diagnoses that it leaves open; empty for one that is not known.
    """
    lowered = text.strip().lower().replace("_", " ")
    if lowered in _CODES:
        return _CODES[lowered]
    return next((label for pattern, label in _WORDS if re.search(pattern, lowered)), frozenset())
