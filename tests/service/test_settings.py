from pathlib import Path

import pytest

from dermoscopy.limits import Limits
from service.docstrings import descriptions
from service.settings import Settings, SettingsError, is_loopback, read_settings, variable
from tests.service.collector import needs_packages


@pytest.fixture(autouse=True)
def _store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MELANOSERVE_STORE", str(tmp_path))


def problems(**options: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read_settings(options)
    return caught.value.problems


def test_without_anything_set_it_listens_on_loopback_with_safe_limits() -> None:
    settings = read_settings({})
    assert (settings.host, settings.port, settings.allow_remote_without_keys) == ("127.0.0.1", 8000, False)
    assert (settings.runtime, settings.precision) == ("openvino", "auto")
    assert settings.limits == Limits()


def test_a_variable_sets_a_value_and_an_option_wins_over_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MELANOSERVE_PORT", "81")
    monkeypatch.setenv("MELANOSERVE_MAX_BYTES", "5000")
    settings = read_settings({"port": "82"})
    assert settings.port == 82
    assert settings.limits.max_bytes == 5000


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("port", "http"),
        ("port", "65536"),
        ("port", ""),
        ("runtime", "onnx"),
        ("precision", "f16"),
        ("max_bytes", "0"),
        ("max_bytes", "20MB"),
        ("max_pixels", "1000000000"),
        ("threads", "-1"),
        ("log_level", "verbose"),
        ("shutdown_seconds", "0"),
        ("allow_remote_without_keys", "perhaps"),
        ("store", ""),
        ("state", ""),
        ("keys", ""),
    ],
)
def test_a_wrong_value_is_refused_with_the_name_and_the_value(
    monkeypatch: pytest.MonkeyPatch, field: str, value: str
) -> None:
    monkeypatch.setenv(variable(field), value)
    (problem,) = problems()
    assert problem.startswith(f"{variable(field)} (--{field.replace('_', '-')}): ")
    assert problem.endswith(f"received {value!r}.")


def test_an_unknown_variable_is_refused_and_the_one_that_was_meant_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MELANOSERVE_MAX_BITES", "5000")
    assert problems() == ["MELANOSERVE_MAX_BITES: there is no such setting; did you mean MELANOSERVE_MAX_BYTES?"]


def test_every_problem_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MELANOSERVE_PORT", "x")
    monkeypatch.setenv("MELANOSERVE_NONSENSE", "x")
    assert len(problems(runtime="onnx")) == 3


@pytest.mark.parametrize("name", ["UID", "GID", "DATA", "WEIGHTS"])
def test_variables_of_the_compose_file_are_no_mistake(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"MELANOSERVE_{name}", "1000")
    assert read_settings({}).port == 8000


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", ""])
def test_an_address_that_others_reach_must_be_allowed(host: str) -> None:
    (problem,) = problems(host=host)
    assert "MELANOSERVE_ALLOW_REMOTE_WITHOUT_KEYS=true" in problem
    assert read_settings({"host": host, "allow_remote_without_keys": "true"}).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback(host: str) -> None:
    assert is_loopback(host)
    assert read_settings({"host": host}).host == host


def test_a_store_that_is_not_there_is_refused(tmp_path: Path) -> None:
    (problem,) = problems(store=str(tmp_path / "none"))
    assert problem.startswith("MELANOSERVE_STORE (--store): ")


def test_tensorflow_must_be_installed_to_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_settings({"runtime": "tensorflow"}).runtime == "tensorflow"
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    (problem,) = problems(runtime="tensorflow")
    assert "TensorFlow is not installed" in problem


def test_every_setting_says_what_it_does() -> None:
    told = descriptions(Settings)
    for name in Settings.model_fields:
        assert len(told[name]) > 20, name


OIDC = {"oidc_issuer": "https://login.test", "oidc_audience": "melanoserve", "oidc_jwks": "https://login.test/keys"}


def test_access_tokens_need_all_that_they_are_checked_by(tmp_path: Path) -> None:
    assert read_settings({"store": tmp_path, **OIDC}).takes_tokens
    for missing in OIDC:
        given = {name: value for name, value in OIDC.items() if name != missing}
        with pytest.raises(SettingsError, match=variable(missing)):
            read_settings({"store": tmp_path, **given})
    # As compose passes on what is empty.
    assert not read_settings({"store": tmp_path, **dict.fromkeys(OIDC, "")}).takes_tokens
    with pytest.raises(SettingsError, match="OIDC_ISSUER"):
        read_settings({"store": tmp_path, "oidc_rate_per_minute": "5"})


@pytest.mark.parametrize(
    ("source", "taken"),
    [("http://127.0.0.1:8080/keys", True), ("http://localhost/keys", True), ("keys.json", True),
     ("http://login.test/keys", False), ("HTTP://login.test/keys", False), ("http://127.0.0.1@login.test/keys", False)],
)  # fmt: skip
def test_keys_of_an_issuer_that_anybody_could_have_sent_are_not_taken(source: str, taken: bool, tmp_path: Path) -> None:
    options = {"store": tmp_path, **OIDC, "oidc_jwks": source}
    if taken:
        assert read_settings(options).oidc_jwks == source
    else:
        with pytest.raises(SettingsError, match="over http are anybody's"):
            read_settings(options)


@pytest.mark.parametrize(
    "source", ["ftp://login.test/keys", "https://", "https://login.test:port/keys", "file:///keys"]
)
def test_an_address_that_nothing_can_be_had_from_is_told_at_the_start(source: str) -> None:
    (problem,) = problems(**(OIDC | {"oidc_jwks": source}))
    assert "give an https URL" in problem


def test_with_access_tokens_others_may_reach_the_address(tmp_path: Path) -> None:
    assert read_settings({"store": tmp_path, "host": "0.0.0.0", **OIDC}).keys_required


@pytest.mark.parametrize(
    "endpoint",
    ["foo", "collector:4318", "http://", "https:///v1/traces", "ftp://collector/v1/traces", "http://collector:port/",
     "http://collector:99999/", "http://collector:0/", "http://[::1/v1/traces", "http://col lector/", "http://collector/\n"],
)  # fmt: skip
def test_traces_are_sent_to_a_url_or_the_service_does_not_start(endpoint: str) -> None:
    (problem,) = problems(trace_endpoint=endpoint)
    assert problem == (
        "MELANOSERVE_TRACE_ENDPOINT (--trace-endpoint): give an http or https URL, such as "
        "http://collector:4318/v1/traces."
    )


@needs_packages
@pytest.mark.parametrize("endpoint", ["", "http://collector:4318/v1/traces", "HTTPS://[::1]/v1/traces?a=b"])
def test_urls_that_traces_may_be_sent_to(endpoint: str) -> None:
    assert read_settings({"trace_endpoint": endpoint}).trace_endpoint == endpoint


def test_a_password_in_a_url_is_not_repeated() -> None:
    assert "secret" not in str(problems(trace_endpoint="htp://operator:secret@collector/"))
