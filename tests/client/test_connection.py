import httpx
import pytest

from client.connection import address_of, headers_of, unreachable
from client.errors import NotReachable


def test_a_key_is_sent_as_a_bearer_token() -> None:
    assert headers_of("k1") == {"Accept": "application/json", "Authorization": "Bearer k1"}
    assert "Authorization" not in headers_of(None)


def test_every_failure_says_what_to_look_at() -> None:
    url = httpx.URL("http://clinic:8000")
    assert "is the service running" in str(unreachable(httpx.ConnectError("refused"), url))
    assert "did not answer in time" in str(unreachable(httpx.ReadTimeout("slow"), url))
    assert "ended before the answer" in str(unreachable(httpx.RemoteProtocolError("gone"), url))


@pytest.mark.parametrize("url", ["", "clinic", "clinic:8000", "ftp://clinic", "http://", "http://a:b"])
def test_what_is_no_address_of_a_service(url: str) -> None:
    with pytest.raises(NotReachable, match="is not the address of a service"):
        address_of(url)
    assert address_of("https://clinic/skin").path == "/skin"
