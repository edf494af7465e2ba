"""docs/training.md leaves nothing out; that its commands are taken is tested with those of the other documents."""

from tests.running_service import ROOT
from training.options import OPTIONS


def test_every_option_is_explained() -> None:
    text = (ROOT / "docs" / "training.md").read_text("utf-8")
    for option in OPTIONS:
        assert f"`{option}` (" in text
