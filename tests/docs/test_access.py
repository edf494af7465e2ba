"""What docs/access.md names is there."""

import re

from service.jwks import ALGORITHMS
from service.problems import catalogue
from service.settings import Settings, variable
from service.tokens import PREFIX
from tests.running_service import ROOT

DOCS = (ROOT / "docs" / "access.md").read_text("utf-8")
COMPOSE = (ROOT / "docker-compose.yml").read_text("utf-8")


def test_every_setting_and_code_that_is_named_is_there() -> None:
    settings = {variable(name) for name in Settings.model_fields}
    assert set(re.findall(r"MELANOSERVE_[A-Z_]+", DOCS)) <= settings
    assert set(re.findall(r"`(?:\d{3} )?([a-z]+_[a-z_]+)`", DOCS)) <= catalogue().keys()
    for algorithms in ALGORITHMS.values():
        assert all(name in DOCS for name in algorithms)
    assert f"`{PREFIX}infer`" in DOCS


def test_the_variables_of_the_proxy_are_those_of_compose() -> None:
    for name, default in (("TLS_ADDRESS", "127.0.0.1"), ("TLS_PORT", "443"), ("HTTP_PORT", "80")):
        assert f"${{{name}:-{default}}}" in COMPOSE
        assert re.search(rf"`{name}` \({default}\b", DOCS)
