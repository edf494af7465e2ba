from pathlib import Path

import pytest

from tests.training.layouts.written import picture
from training.images import SourceError
from training.labels import MELANOMA, Label
from training.sources import read_source

TEXT = """\
PH2 Dataset

||   Name || Histological Diagnosis || Clinical Diagnosis || Asymmetry ||
||   IMD003 ||                       ||                0   ||     0     ||
||   IMD405 ||  Melanoma             ||                2   ||     2     ||
||   IMD020 ||                       ||                1   ||     1     ||

Legends:
|| Clinical Diagnosis || 0 - Common Nevus; 1 - Atypical Nevus; 2 - Melanoma. ||
"""


def test_each_picture_has_a_folder_with_a_mask_beside_it(tmp_path: Path) -> None:
    (tmp_path / "PH2_dataset.txt").write_text(TEXT)
    for name in ("IMD003", "IMD405", "IMD020"):
        folder = tmp_path / "PH2 Dataset images" / name
        picture(folder / f"{name}_Dermoscopic_Image" / f"{name}.bmp")
        picture(folder / f"{name}_lesion" / f"{name}_lesion.bmp")
    images = read_source(tmp_path)
    assert [(image.path.stem, image.label) for image in images] == [
        ("IMD003", {"nv"}), ("IMD405", MELANOMA), ("IMD020", {"nv"}),
    ]  # fmt: skip
    assert [image.clinical.diagnosis for image in images] == ["common nevus", "Melanoma", "atypical nevus"]
    assert [image.clinical.histology for image in images] == [False, True, False]


def test_a_picture_that_is_not_there_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "PH2_dataset.txt").write_text(TEXT)
    picture(tmp_path / "IMD003.bmp")
    with pytest.raises(SourceError, match=r"PH2_dataset\.txt, line 5: names 'IMD405', but"):
        read_source(tmp_path)


def test_a_text_that_is_not_its_table(tmp_path: Path) -> None:
    (tmp_path / "PH2_dataset.txt").write_text("nothing\n")
    with pytest.raises(SourceError, match="no columns Name and Clinical Diagnosis"):
        read_source(tmp_path)


@pytest.mark.parametrize(
    ("histology", "clinical", "label"),
    [
        ("Melanoma", "1", set()),
        ("Compound nevus", "2", set()),
        ("In situ melanoma", "2", MELANOMA),
        ("?", "2", MELANOMA),
    ],
)
def test_what_histology_contradicts_is_not_learned_from(
    tmp_path: Path, histology: str, clinical: str, label: Label
) -> None:
    lines = ["|| Name || Histological Diagnosis || Clinical Diagnosis ||", f"|| IMD001 || {histology} || {clinical} ||"]
    (tmp_path / "PH2_dataset.txt").write_text("\n".join(lines))
    picture(tmp_path / "IMD001.bmp")
    assert [image.label for image in read_source(tmp_path)] == [label]


def test_a_picture_that_two_rows_list_is_there_once(tmp_path: Path) -> None:
    lines = ["|| Name || Clinical Diagnosis ||", "|| IMD001 || 2 ||", "|| IMD001 || 2 ||"]
    (tmp_path / "PH2_dataset.txt").write_text("\n".join(lines))
    picture(tmp_path / "IMD001.bmp")
    assert len(read_source(tmp_path)) == 1
