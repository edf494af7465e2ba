"""docs/settings.md is the table of the settings, with their defaults and their descriptions."""

from service.docstrings import descriptions
from service.settings import Settings, variable
from tests.running_service import ROOT

TEXT = (ROOT / "docs" / "settings.md").read_text("utf-8")


def test_every_setting_stands_there_as_the_code_has_it() -> None:
    told = descriptions(Settings)
    for name, field in Settings.model_fields.items():
        default = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
        description = " ".join(told[name].split())
        assert f"| `{variable(name)}` | `{default}` | {description} |" in TEXT


def test_nothing_else_stands_there() -> None:
    assert TEXT.count("\n| `MELANOSERVE_") == len(Settings.model_fields)
