"""docs/training.md leaves nothing out; that its commands are taken is tested with those of the other documents."""

from tests.docs.blocks import blocks, documents
from tests.running_service import ROOT
from training.options import OPTIONS

INSTALLED = "make .venv/training"


def test_every_option_is_explained() -> None:
    text = (ROOT / "docs" / "training.md").read_text("utf-8")
    for option in OPTIONS:
        assert f"`{option}` (" in text


def test_whoever_is_told_to_train_is_first_told_how_that_is_installed() -> None:
    """`make serve` installs none of it, and the tests have it anyway."""
    checked = 0
    for document in documents():
        given = [command for block in blocks(document) for command in block.commands if block.language == "sh"]
        trained = [number for number, command in enumerate(given) if ".venv/bin/python -m training " in command]
        if trained:
            assert INSTALLED in given[: trained[0]], document
            checked += 1
    assert checked >= 2
