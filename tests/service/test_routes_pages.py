import re

import httpx
import pytest


def test_the_front_door_leads_to_the_documentation(client: httpx.Client) -> None:
    answer = client.get("/")
    assert (answer.status_code, answer.headers["location"]) == (307, "/docs")


def test_the_documentation_loads_nothing_from_elsewhere(client: httpx.Client) -> None:
    page = client.get("/docs").text
    addresses = re.findall(r"""(?:src|href|url)\s*[=:]\s*["']([^"']+)["']""", page)
    assert len(addresses) >= 4
    for address in addresses:
        assert address.startswith("/"), address
        assert not address.startswith("//"), address
        assert client.get(address).status_code == 200, address
    assert "http://" not in page
    assert "https://" not in page


def test_its_script_is_swagger(client: httpx.Client) -> None:
    script = client.get("/docs/assets/swagger-ui-bundle.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert "SwaggerUIBundle" in script.text[:500]


def test_assets_cannot_be_left(client: httpx.Client) -> None:
    for path in ("/docs/assets/../core.py", "/docs/assets/%2e%2e/core.py", "/docs/assets/..%2fcore.py"):
        assert client.get(path).status_code == 404


@pytest.mark.parametrize("part", ["bytes=0-9", "bytes=99999999-", "pages=1", "bytes=a"])
def test_assets_are_handed_out_whole_whatever_part_of_them_was_asked_for(client: httpx.Client, part: str) -> None:
    whole, answer = (client.get("/docs/assets/swagger-ui.css", headers=given) for given in ({}, {"Range": part}))
    assert (answer.status_code, answer.content) == (200, whole.content)
