import subprocess

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
        (PACS | {"ae_title": "LONGER THAN SIXTEEN"}, "(--ae-title): a title has 1 to 16 printable ASCII characters"),
        (PACS | {"callers": "CAMERA, K\u00c4MERA"}, "(--callers): a title has 1 to 16 printable ASCII characters"),
        (PACS | {"port": "70000"}, "MELANOGATEWAY_PORT (--port)"),
        ({"pacs_ae": "PACS@host:70000"}, "(--pacs-ae): must have the form AETITLE@host:port"),
        ({"pacs_ae": "PACS@host:0"}, "(--pacs-ae): must have the form AETITLE@host:port"),
        ({"pacs_ae": "PACS@ho st:104"}, "(--pacs-ae): must have the form AETITLE@host:port"),
        ({"pacs_ae": "PACS@host..example:104"}, "(--pacs-ae): must have the form AETITLE@host:port"),
        ({"pacs_ae": "   @host:104"}, "(--pacs-ae): must have the form AETITLE@host:port"),
        (PACS | {"poll_modalities": "xc,dms"}, "(--poll-modalities): a modality is written in capital letters"),
        (PACS | {"poll_seconds": "5", "poll_modalities": ","}, "(--poll-modalities): names none"),
        (PACS | {"pacs_token": "two\nlines"}, "(--pacs-token): has characters that none has"),
        (PACS | {"pacs_token": "m\u00fcde"}, "(--pacs-token): has characters that none has"),
        (PACS | {"service_key": " "}, "(--service-key): has characters that none has, or is empty"),
        (PACS | {"pacs_user": "a:b", "pacs_password": "c"}, "a colon ends the name"),
        ({"pacs_url": "http://pacs/dicom-web?token=canary"}, "leave out what comes from ? or # on"),
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


def test_the_line_end_of_a_file_is_no_part_of_a_token() -> None:
    settings = read_settings(PACS | {"pacs_token": "canary\r\n", "service_key": "key\n"})
    assert settings.pacs_token is not None
    assert settings.service_key is not None
    assert (settings.pacs_token.get_secret_value(), settings.service_key.get_secret_value()) == ("canary", "key")


def test_an_address_of_six_parts_is_a_host() -> None:
    assert read_settings({"pacs_ae": "PACS@[::1]:104"}).pacs_ae == Peer("PACS", "::1", 104)


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Files of TLS: a certificate, its key, the key encrypted, another key."""
    folder = tmp_path_factory.mktemp("pem")
    names = ("certificate", "key", "encrypted", "other")
    files = {name: str(folder / f"{name}.pem") for name in names}
    make = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
    for command in (
        [*make.split(), "-keyout", files["other"], "-out", files["certificate"]],
        [*make.split(), "-keyout", files["key"], "-out", files["certificate"]],
        ["ec", "-in", files["key"], "-aes128", "-passout", "pass:canary", "-out", files["encrypted"]],
    ):
        subprocess.run(["openssl", *command], check=True, capture_output=True)
    return files


@pytest.mark.parametrize(
    ("key", "ca", "says"),
    [
        ("key", "certificate", None),
        ("other", "certificate", "(--tls-key)"),
        ("encrypted", "certificate", "the key is encrypted"),
        ("certificate", "certificate", "are no certificate and its key in PEM"),
        ("key", "key", "holds no certificates in PEM"),
    ],
)
def test_files_of_tls_that_do_not_go_together_stop_the_start(
    pem: dict[str, str], key: str, ca: str, says: str | None
) -> None:
    options = PACS | {"tls_certificate": pem["certificate"], "tls_key": pem[key], "tls_ca": pem[ca]}
    if says is None:
        assert read_settings(options).tls_key
        return
    with pytest.raises(SettingsError) as caught:
        read_settings(options)
    assert len(caught.value.problems) == 1
    assert says in caught.value.problems[0]


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
