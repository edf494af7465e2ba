import httpx
import pytest

from client.connection import address_of, at_least, failed, headers_of
from client.errors import MelanoserveError, NotReachable, UnexpectedAnswer


def test_a_key_is_sent_as_a_bearer_token() -> None:
    assert headers_of("k1") == {"Accept": "application/json", "Authorization": "Bearer k1"}
    assert "Authorization" not in headers_of(None)
    assert headers_of("k1\r\n")["Authorization"] == "Bearer k1"


@pytest.mark.parametrize("key", ["SECRET\nX-Other: 1", "SECRET\x00", "SECRÈT"])
def test_what_is_no_key_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(MelanoserveError, match="characters that no key has") as raised:
        headers_of(key)
    assert "SECR" not in str(raised.value)


def test_every_failure_says_what_to_look_at() -> None:
    url = httpx.URL("http://clinic:8000")
    assert "is the service running" in str(failed(httpx.ConnectError("refused"), url))
    assert "did not answer in time" in str(failed(httpx.ReadTimeout("slow"), url))
    assert "ended before the answer" in str(failed(httpx.RemoteProtocolError("gone"), url))
    for error in (httpx.DecodingError("bad"), httpx.LocalProtocolError("Illegal header value b'SECRET'")):
        found = failed(error, url)
        assert isinstance(found, UnexpectedAnswer)
        assert not found.retryable
        assert "SECRET" not in str(found)


@pytest.mark.parametrize("url", ["", "clinic", "clinic:8000", "ftp://clinic", "http://", "http://a:b"])
def test_what_is_no_address_of_a_service(url: str) -> None:
    with pytest.raises(NotReachable, match="is not the address of a service"):
        address_of(url)
    assert address_of("https://clinic/skin").path == "/skin"


def test_an_answer_may_have_more_time_than_usual_and_never_less() -> None:
    usual = httpx.Timeout(60.0, connect=5.0)
    assert at_least(660.0, usual) == httpx.Timeout(60.0, connect=5.0, read=660.0)
    assert at_least(0.0, usual) == usual
    assert at_least(660.0, httpx.Timeout(None)) == httpx.Timeout(None)
