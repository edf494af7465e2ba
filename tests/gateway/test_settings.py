import pytest

from gateway.settings import Peer, Settings, SettingsError, read_settings, variable
from tests.running_service import ROOT

PACS = {"pacs_url": "http://127.0.0.1:8042/dicom-web"}


def test_lists_and_peers_are_read_from_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MELANOGATEWAY_CALLERS", "ORTHANC, CAMERA 1")
    monkeypatch.setenv("MELANOGATEWAY_PACS_AE", "PACS ONE@pacs.example:104")
    settings = read_settings({})
    assert settings.callers == ("ORTHANC", "CAMERA 1")
    assert settings.pacs_ae == Peer("PACS ONE", "pacs.example", 104)
    assert settings.poll_modalities == ("XC", "DMS")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "MELANOGATEWAY_PACS_URL (--pacs-url): reports need somewhere to go"),
        ({"pacs_ae": "PACS@host:104", "poll_seconds": "5"}, "looking for images needs PACS_URL"),
        ({"pacs_ae": "PACS"}, "(--pacs-ae): must have the form AETITLE@host:port"),
        (PACS | {"pacs_user": "gateway"}, "needs PACS_PASSWORD"),
        (PACS | {"pacs_user": "a", "pacs_password": "b", "pacs_token": "c"}, "either a token, or user and password"),
        (PACS | {"host": "0.0.0.0"}, "say in CALLERS who may send"),
        (PACS | {"tls_certificate": "missing.pem"}, "TLS needs all of TLS_CERTIFICATE, TLS_KEY and TLS_CA"),
        (PACS | {"ae_title": "LONGER THAN SIXTEEN"}, "MELANOGATEWAY_AE_TITLE (--ae-title)"),
        (PACS | {"port": "70000"}, "MELANOGATEWAY_PORT (--port)"),
    ],
)
def test_what_cannot_be_used_says_why(options: dict[str, str], says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings(options)
    assert any(says in problem for problem in caught.value.problems), caught.value.problems


@pytest.mark.parametrize("field", ["pacs_url", "service_url"])
@pytest.mark.parametrize(
    "url",
    ["foo", "orthanc:8042", "http://", "https:///dicom-web", "htp://user:canary@orthanc", "http://user:canary@orthanc:x",
     "http://orthanc:99999", "http://orthanc:0", "http://[::1", "http://or thanc", "http://orthanc\n", "http://\u2603"],
)  # fmt: skip
def test_what_is_no_url_is_refused_and_not_repeated(field: str, url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings(PACS | {field: url})
    assert caught.value.problems == [
        f"{variable(field)} (--{field.replace('_', '-')}): must be an http or https URL, such as http://127.0.0.1:8000."
    ]


@pytest.mark.parametrize("url", ["http://[::1]:8042/dicom-web/", "HTTPS://pacs.example", "http://user:pass@pacs"])
def test_urls_of_a_pacs(url: str) -> None:
    assert read_settings({"pacs_url": url}).pacs_url == url


def test_a_variable_that_is_no_setting_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MELANOGATEWAY_PACS", "x")
    with pytest.raises(SettingsError, match="MELANOGATEWAY_PACS: there is no such setting"):
        read_settings(PACS)


def test_secrets_are_never_shown() -> None:
    settings = read_settings(PACS | {"service_key": "canary", "pacs_user": "u", "pacs_password": "canary"})
    assert "canary" not in repr(settings)
    with pytest.raises(SettingsError) as caught:
        read_settings(PACS | {"pacs_user": "u", "pacs_password": "canary", "port": "canary"})
    assert "canary" not in str(caught.value)


def test_what_compose_passes_on_empty_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MELANOGATEWAY_SERVICE_KEY", "")
    assert read_settings(PACS).service_key is None
    monkeypatch.setenv("MELANOGATEWAY_PACS_PASSWORD", "")
    with pytest.raises(SettingsError, match="needs PACS_PASSWORD"):
        read_settings(PACS | {"pacs_user": "gateway"})


def test_the_document_has_every_setting_with_its_default_and_no_other() -> None:
    document = (ROOT / "docs" / "gateway.md").read_text()
    for name, field in Settings.model_fields.items():
        default = ",".join(field.default) if isinstance(field.default, tuple) else field.default
        description = " ".join(str(field.description).split())
        assert f"| `{variable(name)}` | `{default}` | {description} |" in document, name
    assert document.count("\n| `MELANOGATEWAY_") == len(Settings.model_fields)
