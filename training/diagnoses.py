"""From a diagnosis in words to the label that it is: the set of diagnoses that the words leave open.

What is not known here gets the empty label, on which nothing is trained: a guess would be a wrong label. So does a
diagnosis that is denied: what is "not melanoma" may still be a carcinoma.
"""

from __future__ import annotations

import re
import unicodedata

from training.labels import BENIGN, DIAGNOSES, MALIGNANT, MELANOMA, Label

OTHER_MALIGNANT: Label = MALIGNANT - MELANOMA

_WORDS: tuple[tuple[str, Label], ...] = (
    # The first that is found decides, so what contains another comes before it.
    (r"indeterminate|atypical melanocytic proliferation|\bunknown\b|\bunk\b", frozenset()),
    (r"lentigo maligna|melanoma", MELANOMA),
    (r"basal cell", frozenset({"bcc"})),
    # HAM10000's akiec is actinic keratosis and intraepithelial carcinoma, which is Bowen's disease.
    (r"(actinic|solar) keratos[ei]s|intraepithelial( carcinoma)?|bowen|squamous cell carcinoma,? in situ",
     frozenset({"akiec"})),
    # No diagnosis of its own among the seven, but one of their malignant company.
    (r"squamous cell|keratoacanthoma|\bscc\b", OTHER_MALIGNANT),
    (r"(melanocytic )?na?ev(us|i)", frozenset({"nv"})),
    (r"seborrh?o?eic keratos[ei]s|solar lentigo|lichen(oid| planus)|pigmented benign keratos[ei]s", frozenset({"bkl"})),
    (r"dermatofibroma", frozenset({"df"})),
    (r"angioma|angiokeratoma|vascular|pyogenic granuloma|ha?emorrhage", frozenset({"vasc"})),
    (r"\blentigo\b|melanosis|acrochordon|cafe-au-lait|neurofibroma|scar\b|wart|verruca", BENIGN),
    (r"\bbenign\b", BENIGN),
    (r"\bmalignant\b|\bcarcinoma\b", MALIGNANT),
)  # fmt: skip

# Right before the word that is denied: "non-invasive melanoma" is one, "no sign of malignant melanoma" is none.
_DENIED_BEFORE = re.compile(
    r"(\b(no|non|not|never|neither|without|w/o|excluding|except|ruled? out|negative for|free of|others? than"
    r"|(all|anything|everything) but"
    # As clinics elsewhere name what is none.
    r"|n[aã]o|sin|senza|sans|pas( de)?|keine?n?|nicht|ohne|geen|niet|zonder|inte|ej|ingen|ikke|uden|uten|nie|bez|brak"
    # A column's 0 before its name; melanoma of stage 0 is one.
    r"|(?<![\d.,])(?<!stage )0)"
    r"(\W+(an?|any|the|of|for|evidence|signs?|features?|history|suspicion|suspicious|malignant))*\W*"
    r"|no[nt]?)$"
)
_DENIED_BEHIND = re.compile(
    r"\w*\W+(no|non|not|negative|neg|absent|excluded|ruled out|free|false|0([.,]0+)?|mimics?)\W*$"
)

_BESIDE = frozenset({
    "acral", "amelanotic", "atypical", "blue", "cancer", "carcinomas", "cell", "cherry", "clark", "class", "combined",
    "common", "compound", "confirmed", "congenital", "cutaneous", "dermal", "dermoscopic", "dermoscopy", "desmoplastic",
    "diagnosis", "disease", "dysplastic", "early", "flat", "grade", "halo", "hypomelanotic", "i", "ii", "iii", "image",
    "images", "in", "intradermal", "invasive", "irritated", "iv", "junctional", "keratoses", "keratosis", "lentiginous",
    "lesion", "lesions", "maligna", "maligno", "melanocytic", "metastases", "metastasis", "metastatic",
    "nevoid", "nodular", "nos", "of", "other", "others", "photographs", "pictures", "pigmented", "primary", "recurrent",
    "reed", "s", "simplex", "situ", "skin", "solar", "spitz", "spreading", "stage", "subungual", "superficial", "the",
    "thick", "thin", "tumor", "tumors", "tumour", "tumours", "type", "verrucous",
})  # fmt: skip
"""Words that may stand beside a diagnosis in the name of a class without making it another one."""

# HAM10000's "benign keratosis-like lesions"; what is melanoma-like is no melanoma.
_LIKE_KERATOSIS = r"keratos[ei]s[ -]like|\blike keratos[ei]s"
# Between two names for the same; "and other tumours" may be anything.
_JOINED = r"\b(and|or)\b(?!\W+others?\b)"

_PARTS: tuple[tuple[str, Label], ...] = (("keratos", frozenset({"akiec", "bkl"})), ("carcinoma", OTHER_MALIGNANT))
"""What a part of a name leaves open, which is no diagnosis for itself: there is no "melanoma carcinoma"."""

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


def is_plain(text: str) -> bool:
    """Whether a name is a diagnosis, or one of the codes, and says nothing else that might turn it into another.

    Of a text of a report nobody expects that. After the name of a folder hundreds of pictures are labelled, and in a
    language that is not known here "no" is not, either.
    """
    label, spoken = label_of(text), _spoken(text)
    rest, said = spoken, []
    for pattern, meant in _WORDS:
        rest, times = re.subn(rf"\w*({pattern})\w*", " ", rest)
        said += [meant] * bool(times)
    rest, joined = re.subn(_JOINED, " ", re.sub(_LIKE_KERATOSIS, " ", rest))
    words = re.findall(r"\w+", rest)
    said += [_CODES[word] for word in words if word in _CODES]
    hinted = [meant for part, meant in _PARTS if part in spoken]
    # "melanoma_nevus" and "melanoma and malignant lesions" name two classes.
    one = all(label & meant for meant in [*said, *hinted]) and not (joined and set(said) != {label})
    known = all(word in _BESIDE or word in _CODES or word.isdecimal() for word in words)
    return bool(label) and one and known


def is_denied(text: str) -> bool:
    """Whether words name a diagnosis only to say that it is not that: "not melanoma", "non_benign", "melanoma: no"."""
    spoken = _spoken(text)
    found = _found(spoken)
    return found is not None and _denied(spoken, found[0])


def _spoken(text: str) -> str:
    # Composed: a folder's name may have its accents as characters of their own.
    return unicodedata.normalize("NFC", text).strip().lower().replace("_", " ")


def _found(spoken: str) -> tuple[re.Match[str], Label] | None:
    matches = ((re.search(pattern, spoken), label) for pattern, label in _WORDS)
    return next(((match, label) for match, label in matches if match), None)


def _denied(spoken: str, word: re.Match[str]) -> bool:
    return bool(_DENIED_BEFORE.search(spoken[: word.start()]) or _DENIED_BEHIND.match(spoken[word.end() :]))
