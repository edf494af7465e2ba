"""What is compared: the paper's models, three later ones, and the literature's hybrids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["frozen", "fine-tuned", "scratch", "joined", "svm", "knn"]

PAPER = {"mobilenet-fine-tuned": {"accuracy": 0.921, "precision": 0.95, "recall": 0.88}}
"""What the paper reports, as far as it is known here, beside the row that it is compared with."""


@dataclass(frozen=True)
class Candidate:
    """One row of the comparison.

    Attributes:
        name: Of its folder.
        title: Of its row.
        kind: How it learns: a new top on frozen ImageNet features, end to end from them, everything from random
            weights, a new top on bases of which each learned alone from random weights, or one of the hybrids.
        bases: Keys of `bases.BASES`; the features of several are joined.
        beside: The base that it stands beside, where that takes larger pictures than others that start from random
            weights: it gets pictures of that size.
    """

    name: str
    title: str
    kind: Kind
    bases: tuple[str, ...] = ()
    beside: str = ""

    @property
    def members(self) -> list[Candidate]:
        """Its bases as they are before a new top is put on them, each as a candidate of its own."""
        how: Kind = "scratch" if self.kind in ("scratch", "joined") else "frozen"
        return [Candidate(f"{base}-{how}", base, how, (base,), self.beside) for base in self.bases]


def candidates(pretrained: frozenset[str]) -> list[Candidate]:
    """All rows, in the order in which they are worked on: the quick ones first.

    Args:
        pretrained: The bases for which there are ImageNet weights; one without them starts from random weights. An
            ensemble with one of those joins what each base has learned alone from random weights.
    """
    rows = [_row(bases, title, pretrained) for bases, title in _NETWORKS]
    alone, beside = "MobileNet, from random weights", "inceptionv3"
    rows.append(Candidate("mobilenet-scratch", alone, "scratch", ("mobilenet",)))
    if beside not in pretrained:
        rows.append(Candidate("mobilenet-scratch-beside", alone, "scratch", ("mobilenet",), beside))
    rows.append(Candidate("texture-knn", "texture features + KNN", "knn"))
    if "mobilenet" in pretrained:
        rows.append(Candidate("mobilenet-svm", "MobileNet features + SVM", "svm", ("mobilenet",)))
        rows.append(Candidate("mobilenet-fine-tuned", "MobileNet, end to end", "fine-tuned", ("mobilenet",)))
    seen: dict[str, Candidate] = {}
    for row in rows:
        seen.setdefault(row.name, row)
    return sorted(seen.values(), key=lambda row: _ORDER.index(row.kind))


_NETWORKS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("mobilenet",), "MobileNet"),
    (("vgg16",), "VGG16"),
    (("inceptionv3",), "InceptionV3"),
    (("resnet50v2",), "ResNet50V2"),
    (("cnn",), "plain CNN"),
    (("vgg16", "mobilenet"), "VGG16 + MobileNet"),
    (("vgg16", "mobilenet", "inceptionv3"), "VGG16 + MobileNet + InceptionV3"),
    (("mobilenetv2",), "MobileNetV2"),
    (("mobilenetv3small",), "MobileNetV3Small"),
    (("efficientnetb0",), "EfficientNetB0"),
)
_ORDER: tuple[Kind, ...] = ("knn", "svm", "frozen", "scratch", "joined", "fine-tuned")


def _row(bases: tuple[str, ...], title: str, pretrained: frozenset[str]) -> Candidate:
    if pretrained.issuperset(bases):
        return Candidate("-".join([*bases, "frozen"]), f"{title}, frozen base", "frozen", bases)
    if len(bases) > 1:
        return Candidate("-".join([*bases, "joined"]), f"{title}, from random weights", "joined", bases)
    return Candidate("-".join([*bases, "scratch"]), f"{title}, from random weights", "scratch", bases)
