"""From a diagnosis in words to the label that it is: the set of diagnoses that the words leave open.

What is not known here gets the empty label, on which nothing is trained: a guess would be a wrong label. So does a
diagnosis that is denied: what is "not melanoma" may still be a carcinoma.
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
    (r"(melanocytic )?na?ev(us|i)", frozenset({"nv"})),
    (r"seborrh?oeic keratosis|seborrheic keratosis|solar lentigo|lichen(oid| planus)|pigmented benign keratosis",
     frozenset({"bkl"})),
    (r"dermatofibroma", frozenset({"df"})),
    (r"angioma|angiokeratoma|vascular|pyogenic granuloma|ha?emorrhage", frozenset({"vasc"})),
    (r"\blentigo\b|melanosis|acrochordon|cafe-au-lait|neurofibroma|scar\b|wart|verruca", BENIGN),
    (r"\bbenign\b", BENIGN),
    (r"\bmalignant\b|\bcarcinoma\b", MALIGNANT),
)  # fmt: skip

# Right before the word that is denied: "non-invasive melanoma" is one, "no sign of malignant melanoma" is none.
_DENIED_BEFORE = re.compile(
    r"(\b(no|non|not|never|neither|without|excluding|except|ruled? out|negative for|free of|other than)"
    r"(\W+(an?|any|the|of|for|evidence|signs?|features?|history|suspicion|suspicious|malignant))*\W*"
    r"|no[nt]?)$"
)
_DENIED_BEHIND = re.compile(r"\w*\W+(no|non|not|negative|neg|absent|excluded|ruled out|free|false)\W*$")

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
        The diagnoses that it leaves open; empty for one that is not known, or that is denied.
    """
    spoken = _spoken(text)
    if spoken in _CODES:
        return _CODES[spoken]
    found = _found(spoken)
    return frozenset() if found is None or _denied(spoken, found[0]) else found[1]


def is_denied(text: str) -> bool:
    """Whether words name a diagnosis only to say that it is not that: "not melanoma", "non_benign", "melanoma: no"."""
    spoken = _spoken(text)
    found = _found(spoken)
    return found is not None and _denied(spoken, found[0])


def _spoken(text: str) -> str:
    return text.strip().lower().replace("_", " ")


def _found(spoken: str) -> tuple[re.Match[str], Label] | None:
    matches = ((re.search(pattern, spoken), label) for pattern, label in _WORDS)
    return next(((match, label) for match, label in matches if match), None)


def _denied(spoken: str, word: re.Match[str]) -> bool:
    return bool(_DENIED_BEFORE.search(spoken[: word.start()]) or _DENIED_BEHIND.match(spoken[word.end() :]))
