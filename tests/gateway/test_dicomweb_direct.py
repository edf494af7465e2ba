"""Which way DICOMweb takes to the PACS, where no Orthanc is needed to tell."""

import ssl
from pathlib import Path

import pytest

from gateway.dicomweb import DicomWeb
from gateway.problems import Away
from gateway.settings import read_settings
from tests.client.recorder import recording_proxy
from tests.client.unreliable import answer, unreliable


def web_of(url: str) -> DicomWeb:
    return DicomWeb.of(read_settings({"pacs_url": url, "pacs_user": "gateway", "pacs_password": "SECRET"}))


def test_the_pacs_is_asked_by_no_proxy_which_would_read_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    with recording_proxy(monkeypatch) as got, unreliable(answer(200, [])) as server:
        web = web_of(server.url)
        with web.http:
            assert list(web.find("XC", "20260101")) == []
        web = web_of("http://pacs.invalid")
        with web.http, pytest.raises(Away):
            list(web.find("XC", "20260101"))
        assert (server.requests, got) == (1, [])


def test_the_certificates_of_the_environment_count(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with pytest.raises(ssl.SSLError):
        web_of("https://127.0.0.1")
