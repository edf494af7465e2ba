"""What a label says: the set of diagnoses that it leaves open.

Sources label different things: seven diagnoses (HAM10000), melanoma or not (ISIC 2017), benign or malignant. Each label
is kept as what it really says, the set of diagnoses that an image may have, and the network learns from the set
(`network.partial_label_loss`). So basal cell carcinoma and actinic keratosis are never taught to be benign by a source
that only knows "melanoma: no".
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from model_store.manifest import Diagnosis

DIAGNOSES = ("mel", "bcc", "akiec", "nv", "bkl", "df", "vasc")
"""The diagnoses of HAM10000 (Tschandl 2018, doi 10.1038/sdata.2018.161), in the order of the network's outputs."""

CLASSES: dict[str, tuple[str, ...]] = {
    "melanoma": ("mel",),
    "other_malignant": ("bcc", "akiec"),
    "benign": ("nv", "bkl", "df", "vasc"),
}
"""The classes of the answer and the diagnoses that each stands for, in the order of the exported output."""

CLASS_MEANINGS = {
    "melanoma": "Melanoma, in situ or invasive.",
    "other_malignant": "Basal cell carcinoma, or actinic keratosis / intraepithelial carcinoma (a precursor).",
    "benign": "Melanocytic nevus, benign keratosis, dermatofibroma or vascular lesion.",
}

_NAMES: dict[str, tuple[str, list[str]]] = {
    "mel": ("melanoma", ["C43", "D03"]),
    "bcc": ("basal cell carcinoma", ["C44"]),
    "akiec": ("actinic keratosis or intraepithelial carcinoma (Bowen's disease)", ["L57.0", "D04"]),
    "nv": ("melanocytic nevus", ["D22"]),
    "bkl": ("benign keratosis (seborrhoeic keratosis, solar lentigo, lichen-planus-like keratosis)", ["L82", "L81.4"]),
    "df": ("dermatofibroma", ["D23"]),
    "vasc": ("vascular lesion (angioma, angiokeratoma, pyogenic granuloma, haemorrhage)", ["D18.0", "L98.0"]),
}
"""Names as in Tschandl 2018; codes of the WHO's ICD-10, version 2019: C43 and D03 are invasive and in situ melanoma."""


def described_diagnoses() -> dict[str, Diagnosis]:
    """What the manifest says of each output of the network: code -> name, ICD-10 codes, class of the answer."""
    belongs = {diagnosis: name for name, members in CLASSES.items() for diagnosis in members}
    return {
        code: Diagnosis(name=_NAMES[code][0], icd10=_NAMES[code][1], class_name=belongs[code]) for code in DIAGNOSES
    }


MELANOMA = frozenset(CLASSES["melanoma"])
MALIGNANT = frozenset(CLASSES["melanoma"] + CLASSES["other_malignant"])
BENIGN = frozenset(CLASSES["benign"])

Label = frozenset[str]
"""A set of diagnoses; empty when nothing is known."""


def class_matrix() -> NDArray[np.float32]:
    """float32[7, 3]: 1 where a diagnosis (row) belongs to a class of the answer (column)."""
    return np.array([[d in members for members in CLASSES.values()] for d in DIAGNOSES], np.float32)


def class_of(label: Label) -> str | None:
    """The one class of the answer that a label allows, or None if it leaves more than one open (or none)."""
    inside = [name for name, members in CLASSES.items() if label and label <= frozenset(members)]
    return inside[0] if inside else None


def as_mask(labels: Iterable[Label]) -> NDArray[np.float32]:
    """Labels as rows of a mask.

    Returns:
        float32[n, 7], 1 where the diagnosis is allowed.
    """
    return np.array([[d in label for d in DIAGNOSES] for label in labels], np.float32).reshape(-1, len(DIAGNOSES))
