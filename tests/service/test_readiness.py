"""/readyz and the metric `melanoserve_ready`, of real services: whoever watches one hears what the other says."""

import re
import shutil
import time
from pathlib import Path

import httpx
import pytest

from service.key_file import KeyFile
from tests.running_service import WITHOUT_TLS, Service, running
from tests.service.damage import flip_a_byte
from tests.service.issuer import AUDIENCE, ISSUER, jwk_of, key_set, private_key, token

ONE_AND_SEVERAL = pytest.mark.parametrize("processes", ["1", "2"])


def heard(service: Service) -> tuple[bool, float]:
    """What both say, each on a connection of its own: of several processes any may answer."""
    address = str(service.client.base_url)
    status = httpx.get(f"{address}/readyz", timeout=30, verify=WITHOUT_TLS).status_code
    text = httpx.get(f"{address}/metrics", timeout=30, verify=WITHOUT_TLS).text
    (found,) = re.findall(r"^melanoserve_ready ([0-9.]+)$", text, re.MULTILINE)
    return status == 200, float(found)


def until_it_is(service: Service, ready: bool) -> None:
    """Waits until it is and stays so: a process tells the others once a second."""
    expected, since = (ready, float(ready)), time.monotonic()
    deadline = since + 120
    while (now := time.monotonic()) - since < 1.5:
        said = heard(service)
        assert now < deadline, said
        if said != expected:
            since = time.monotonic()
        time.sleep(0.1)


@ONE_AND_SEVERAL
def test_with_an_empty_store_neither_calls_it_ready(
    processes: str, pristine_store: Path, tmp_path: Path, state: Path
) -> None:
    store = tmp_path / "models"
    store.mkdir()
    with running(store, state, ready=False, PROCESSES=processes) as service:
        until_it_is(service, False)
        shutil.copytree(pristine_store, store, dirs_exist_ok=True)
        until_it_is(service, True)


@ONE_AND_SEVERAL
def test_while_what_stable_names_is_refused_neither_calls_it_ready(
    processes: str, pristine_store: Path, store: Path, state: Path
) -> None:
    flip_a_byte(store / "grader" / "1")
    with running(store, state, ready=False, PROCESSES=processes) as service:
        until_it_is(service, False)
        shutil.rmtree(store / "grader" / "1")
        shutil.copytree(pristine_store / "grader" / "1", store / "grader" / "1")
        until_it_is(service, True)


@ONE_AND_SEVERAL
def test_while_nobody_is_let_in_neither_calls_it_ready(processes: str, pristine_store: Path, state: Path) -> None:
    file = KeyFile(state / "keys.json")
    file.add("clinic", ["infer"])
    sound = file.path.read_bytes()
    with running(pristine_store, state, PROCESSES=processes) as service:
        until_it_is(service, True)
        file.path.write_bytes(b"{")
        until_it_is(service, False)
        assert "The API keys cannot be read" in service.client.get("/readyz").json()["detail"]
        file.path.write_bytes(sound)
        until_it_is(service, True)


def test_who_has_a_token_is_let_in_whatever_became_of_the_keys(pristine_store: Path, state: Path) -> None:
    state.mkdir()
    for name, content in (("keys.json", b"{"), ("jwks.json", key_set(jwk_of(private_key("RSA"), "k1")))):
        (state / name).write_bytes(content)
    jwks = str(state / "jwks.json")
    with running(pristine_store, state, OIDC_ISSUER=ISSUER, OIDC_AUDIENCE=AUDIENCE, OIDC_JWKS=jwks) as service:
        until_it_is(service, True)
        bearer = {"Authorization": f"Bearer {token(private_key('RSA'))}"}
        assert service.client.get("/models", headers=bearer).status_code == 200
