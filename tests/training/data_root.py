"""A small folder of labelled images in every layout that training reads, painted by `dermoscopy.render`.

Malignant lesions are painted dark, so that a network can tell them within a few steps. Copies are planted between the
sources, scaled and encoded anew, wherever a leak could hide; `Planted` names them.
"""

import csv
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from dermoscopy.render import render_lesion

SOCIETY = "International Dermoscopy Society"
BARCELONA = "Hospital Clínic de Barcelona"
LONDON = "Imperial College London"

HAM10000 = {"mel": 30, "nv": 28, "bkl": 8, "bcc": 9, "akiec": 8, "df": 4, "vasc": 4}
"""Lesions by diagnosis; every fifth has a second photograph."""


@dataclass(frozen=True)
class Planted:
    """Pairs of files, as "source/stem", that show one picture.

    Attributes:
        copies: Every pair.
        held_out: (copy that a source trains on, original that is held out as test, external or shown).
        contradicted: Pairs of which one says malignant and the other benign.
        melanoma: (says only malignant, says melanoma).
    """

    copies: list[tuple[str, str]] = field(default_factory=list)
    held_out: list[tuple[str, str]] = field(default_factory=list)
    contradicted: list[tuple[str, str]] = field(default_factory=list)
    melanoma: list[tuple[str, str]] = field(default_factory=list)


class _Painter:
    """Paints images under a root; no two show the same lesion unless copied."""

    def __init__(self, root: Path) -> None:
        self.root, self.seeds = root, itertools.count()

    def paint(self, file: str, *, malignant: bool, side: int = 96) -> None:
        seed = next(self.seeds)
        pixels = render_lesion(seed, side=side, malignancy=0.9 if malignant else 0.1).astype(np.float32)
        # Some overlap: a perfectly separable set has no finite calibration.
        darker = np.random.default_rng(seed).uniform(0.3, 0.65) if malignant else 1.0
        self.save(Image.fromarray((pixels * darker).astype(np.uint8)), file, quality=92)

    def copy(self, original: str, file: str) -> None:
        """The same picture at three quarters of the size, in a poor JPEG."""
        image = Image.open(self.root / original)
        self.save(image.resize((image.width * 3 // 4, image.height * 3 // 4)), file, quality=70)

    def save(self, image: Image.Image, file: str, quality: int) -> None:
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path, quality=quality)


def _write_table(folder: Path, rows: list[dict[str, str]]) -> None:
    with (folder / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def _paint_ham10000(painter: _Painter) -> None:
    rows, names = [], (f"ISIC_{number:07}" for number in itertools.count(24306))
    lesion = 0
    for dx, count in HAM10000.items():
        for _ in range(count):
            lesion += 1
            for _ in range(2 if lesion % 5 == 0 else 1):
                name = next(names)
                painter.paint(f"ham10000/images/{name}.jpg", malignant=dx in {"mel", "bcc", "akiec"})
                kind = "histo" if lesion % 3 else "follow_up"
                rows.append({"lesion_id": f"HAM_{lesion:07}", "image_id": name, "dx": dx, "dx_type": kind})
    _write_table(painter.root / "ham10000", rows)


def _paint_isic2017(painter: _Painter) -> None:
    rows = []
    for number in range(48):
        melanoma = number % 2 == 0
        painter.paint(f"isic2017/images/ISIC_{number:07}.jpg", malignant=melanoma)
        rows.append({"image_id": f"ISIC_{number:07}", "melanoma": f"{float(melanoma)}", "age_approximate": ""})
    _write_table(painter.root / "isic2017", rows)


def _paint_melanoma10000(painter: _Painter) -> None:
    for split, count in (("train", 18), ("test", 8)):
        for kind in ("benign", "malignant"):
            for number in range(count):
                name = f"melanoma_{split}{number}{kind[0]}"
                painter.paint(f"melanoma10000/{split}/{kind}/{name}.jpg", malignant=kind == "malignant")


def _paint_acral(painter: _Painter) -> None:
    rows = []
    for number in range(24):
        malignant, site = number % 2 == 0, SOCIETY if number % 4 < 2 else BARCELONA
        painter.paint(f"isic-acral/images/ISIC_{50000 + number:07}.png", malignant=malignant)
        rows.append(_archive_row(50000 + number, "Malignant" if malignant else "Benign", "Melanoma, NOS", site))
    painter.paint("isic-acral/images/ISIC_0050099.png", malignant=False)
    rows.append(_archive_row(50099, "Indeterminate", "", SOCIETY))
    _write_table(painter.root / "isic-acral", rows)


def _archive_row(number: int, kind: str, diagnosis: str, site: str, patient: str = "") -> dict[str, str]:
    second = "Malignant melanocytic proliferations (Melanoma)" if kind == "Malignant" else ""
    return {
        "isic_id": f"ISIC_{number:07}", "diagnosis_1": kind, "diagnosis_2": second,
        "diagnosis_3": diagnosis if kind == "Malignant" else "Nevus", "diagnosis_confirm_type": "histopathology",
        "lesion_id": "", "patient_id": patient, "attribution": site,
    }  # fmt: skip


def _grades() -> Iterator[tuple[str, str]]:
    yield from [("Melanoma in situ", SOCIETY)] * 12
    yield from [("Melanoma Invasive", SOCIETY)] * 14
    yield from [("Melanoma Invasive", LONDON)] * 6
    yield from [("Melanoma metastasis", BARCELONA)] * 9


def _paint_severity(painter: _Painter) -> None:
    rows = []
    for number, (grade, site) in enumerate(_grades()):
        painter.paint(f"melanoma-severity/images/ISIC_{70000 + number:07}.jpg", malignant=True)
        # Neighbouring rows share a patient here and there, as in the archive.
        patient = f"IP_{number // 2}" if number % 4 < 2 else ""
        rows.append(_archive_row(70000 + number, "Malignant", grade, site, patient))
    _write_table(painter.root / "melanoma-severity", rows)


def _paint_originals(painter: _Painter) -> None:
    rows = []
    for number in range(4):
        malignant = number % 2 == 0
        painter.paint(f"fullres/images/ISIC_{90000 + number:07}.jpg", malignant=malignant, side=300)
        kind, diagnosis = ("malignant", "melanoma") if malignant else ("benign", "nevus")
        rows.append({"isic_id": f"ISIC_{90000 + number:07}", "benign_malignant": kind, "diagnosis": diagnosis})
    _write_table(painter.root / "fullres", rows)


def _row(root: Path, source: str, **wanted: str) -> dict[str, str]:
    """The last row of a source's table with these values: the planted copies must not depend on a first one."""
    with (root / source / "metadata.csv").open(newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if wanted.items() <= row.items()][-1]


def _add_row(root: Path, source: str, row: dict[str, str]) -> None:
    with (root / source / "metadata.csv").open("a", newline="", encoding="utf-8") as file:
        csv.DictWriter(file, row).writerow(row)


def _plant(painter: _Painter) -> Planted:
    root, planted = painter.root, Planted()

    def copy(original: str, to: str) -> tuple[str, str]:
        painter.copy(original, to)
        pair = tuple(f"{Path(file).parts[0]}/{Path(file).stem}" for file in (to, original))
        planted.copies.append((pair[0], pair[1]))
        return pair[0], pair[1]

    train, test = "melanoma10000/train", "melanoma10000/test"
    mel = _row(root, "ham10000", dx="mel")["image_id"]
    planted.melanoma.append(copy(f"ham10000/images/{mel}.jpg", f"{train}/malignant/melanoma_of_ham.jpg"))
    # In the source's own train and test, in another source under another name, at another clinic, and original size.
    planted.held_out.append(copy(f"{test}/benign/melanoma_test0b.jpg", f"{train}/benign/melanoma_of_test.jpg"))
    _add_row(root, "isic2017", {"image_id": "ISIC_0000101", "melanoma": "1.0", "age_approximate": "70"})
    planted.held_out.append(copy(f"{test}/malignant/melanoma_test1m.jpg", "isic2017/images/ISIC_0000101.jpg"))
    lesion = {"lesion_id": "HAM_0000005", "image_id": "ISIC_0099991", "dx": "mel", "dx_type": "histo"}
    _add_row(root, "ham10000", lesion)  # a third photograph of a lesion that has two already
    planted.held_out.append(copy(f"{test}/malignant/melanoma_test2m.jpg", "ham10000/images/ISIC_0099991.jpg"))
    planted.held_out.append(copy("isic-acral/images/ISIC_0050001.png", f"{train}/benign/melanoma_of_acral.jpg"))
    planted.held_out.append(
        copy("melanoma-severity/images/ISIC_0070003.jpg", f"{train}/malignant/melanoma_of_severity.jpg")
    )
    for number in (90000, 90001):
        name = f"ISIC_{number:07}"
        malignant = f"{float(number % 2 == 0)}"
        _add_row(root, "isic2017", {"image_id": name, "melanoma": malignant, "age_approximate": ""})
        planted.held_out.append(copy(f"fullres/images/{name}.jpg", f"isic2017/images/{name}.jpg"))
    # A carcinoma is "no melanoma" in one source: that must not make it a nevus.
    carcinoma = _row(root, "ham10000", dx="bcc")["image_id"]
    _add_row(root, "isic2017", {"image_id": "ISIC_0000102", "melanoma": "0.0", "age_approximate": ""})
    planted.contradicted.append(copy(f"ham10000/images/{carcinoma}.jpg", "isic2017/images/ISIC_0000102.jpg"))
    planted.contradicted.append(copy("isic2017/images/ISIC_0000047.jpg", f"{train}/malignant/melanoma_of_a_nevus.jpg"))
    copy(f"{train}/benign/melanoma_train3b.jpg", f"{train}/benign/melanoma_train3b_again.jpg")
    return planted


def paint_data_root(root: Path) -> Planted:
    """Paint the whole folder, about 290 images.

    Args:
        root: An empty folder.
    """
    painter = _Painter(root)
    for paint in (_paint_ham10000, _paint_isic2017, _paint_melanoma10000, _paint_acral, _paint_severity):
        paint(painter)
    _paint_originals(painter)
    (root / "notes").mkdir()  # no labelled images: passed over
    return _plant(painter)
