import pytest

from service.settings import OF_OTHERS
from ui.settings import Settings, SettingsError, read_settings


def test_defaults_and_variables() -> None:
    assert read_settings({}) == Settings("http://127.0.0.1:8000", None)
    assert read_settings({"MELANOSERVE_URL": "", "MELANOSERVE_KEY": ""}) == read_settings({})
    found = read_settings({"MELANOSERVE_URL": "https://derm.example", "MELANOSERVE_KEY": "secret"})
    assert found == Settings("https://derm.example", "secret")
    assert "secret" not in repr(found)


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "file:///etc/passwd", "ftp://x"])
def test_an_address_that_is_none_is_named(url: str) -> None:
    with pytest.raises(SettingsError, match="MELANOSERVE_URL must begin with http"):
        read_settings({"MELANOSERVE_URL": url})


def test_a_shell_that_has_them_can_still_serve() -> None:
    assert {"URL", "KEY", "UI_PORT", "TUNNEL_PASSWORD"} <= OF_OTHERS
