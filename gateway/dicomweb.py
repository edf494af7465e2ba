"""The PACS over DICOMweb (PS3.18): looking for images (QIDO-RS), fetching one (WADO-RS), storing a report (STOW-RS)."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, NamedTuple, Self

import httpx

from gateway.objects import identity, is_uid
from gateway.problems import Away, Fault, Refused, TryAgain, check_status
from gateway.settings import Settings

PAGE = 100
"""Instances asked for at once."""

_DICOM = 'multipart/related; type="application/dicom"'

_OF_THE_OBJECT = frozenset({400, 409, 413, 415, 422})
"""Statuses that speak of what was sent; all others may be different another time, or once the setup is put right."""

_FAILED, _STORED = "00081198", "00081199"
"""What an answer to STOW-RS lists: FailedSOPSequence and ReferencedSOPSequence (PS3.18 10.5.3)."""


class Found(NamedTuple):
    """An instance that the PACS has."""

    sop_class: str
    study: str
    series: str
    instance: str


@dataclass(frozen=True)
class DicomWeb:
    """The PACS at `settings.pacs_url`."""

    http: httpx.Client

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Opens no connection yet; needs `settings.pacs_url`."""
        headers = {}
        if settings.pacs_token is not None:
            headers["Authorization"] = f"Bearer {settings.pacs_token.get_secret_value()}"
        auth = None
        if settings.pacs_user is not None and settings.pacs_password is not None:
            auth = httpx.BasicAuth(settings.pacs_user, settings.pacs_password.get_secret_value())
        url = str(settings.pacs_url).rstrip("/") + "/"
        # Images and password go to the PACS and to no proxy. The certificates of the environment count all the same.
        verify = httpx.create_ssl_context()
        return cls(
            httpx.Client(
                base_url=url, headers=headers, auth=auth, timeout=settings.timeout, trust_env=False, verify=verify
            )
        )

    def find(self, modality: str, since: str) -> Iterator[Found | None]:
        """Instances of a modality in studies from a day (YYYYMMDD) on, each once; None for what cannot be asked for.

        Raises:
            TryAgain, Refused: The PACS does not say.
        """
        offset, seen = 0, set[str]()
        while True:
            query = {"Modality": modality, "StudyDate": f"{since}-", "limit": str(PAGE), "offset": str(offset)}
            page = self._rows(query)
            read = [(one, row) for row in page if (one := _found(row))]
            if len(read) < len(page):
                yield None
            new = {one.instance: (one, row) for one, row in read if one.instance not in seen}
            # A short page need not be the last one: a PACS may give fewer than it was asked for. One that knows nothing
            # of pages gives the first one again and again, maybe in another order.
            if not new:
                return
            yield from (one for one, row in new.values() if _is_asked_for(row, modality, since))
            seen |= new.keys()
            offset += len(page)

    def fetch(self, found: Found) -> bytes:
        """The file of an instance in the transfer syntax that it is stored in.

        Raises:
            TryAgain, Refused: It is not to be had; Away among them says that nothing is now.
        """
        path = f"studies/{found.study}/series/{found.series}/instances/{found.instance}"
        response = self._ask("GET", path, headers={"Accept": f"{_DICOM}; transfer-syntax=*"})
        return _only_part(response)

    def store(self, report: bytes, study: str) -> None:
        """Stores a report; one that is there already is as good.

        Args:
            report: A DICOM file; it is asked for by its UID where the answer does not say that it was stored.
            study: Its Study Instance UID.

        Raises:
            TryAgain: It may be stored later, or cannot be found although it was taken.
            Fault: The PACS failed over it and does not say why.
            Refused: The PACS will not have it.
        """
        boundary = secrets.token_hex(16)
        head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        headers = {"Content-Type": f"{_DICOM}; boundary={boundary}", "Accept": "application/dicom+json"}
        body = head + report + f"\r\n--{boundary}--\r\n".encode()
        try:
            response = self._ask("POST", f"studies/{study}", content=body, headers=headers)
        except Refused as error:
            if error.reason is None:
                raise
            check_status(error.reason)
            return
        if failed := _listed(response, _FAILED):
            reason = _reason(failed)
            if reason is None:
                raise Fault("pacs_no_reason")
            check_status(reason)
            return
        # By 200 without a word all was stored; 202 says that there is a failure or a warning.
        said_all = response.status_code != 202 and not response.content
        if not (said_all or _listed(response, _STORED) or self._has(study, identity(report).sop_instance)):
            raise TryAgain("pacs_unclear_answer")

    def _has(self, study: str, instance: str) -> bool:
        try:
            rows = self._rows({"StudyInstanceUID": study, "SOPInstanceUID": instance})
        except Refused:  # the question, and not the report
            return False
        return any(found.instance == instance for found in filter(None, map(_found, rows)))

    def _rows(self, query: dict[str, str]) -> list[dict[str, Any]]:
        response = self._ask("GET", "instances", params=query, headers={"Accept": "application/dicom+json"})
        return [] if response.status_code == 204 else _json(response)

    def _ask(self, method: str, path: str, **options: Any) -> httpx.Response:  # noqa: ANN401 - of httpx
        try:
            response = self.http.request(method, path, **options)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise Away(f"pacs_{type(error).__name__}") from error
        except (httpx.RequestError, httpx.InvalidURL) as error:  # InvalidURL: what it calls a UID makes no address
            raise TryAgain(f"pacs_{type(error).__name__}") from error
        if response.is_success:
            return response
        if response.status_code in _OF_THE_OBJECT:
            raise Refused(f"pacs_{response.status_code}", _reason(_listed(response, _FAILED)))
        raise TryAgain(f"pacs_{response.status_code}")


def _listed(response: httpx.Response, tag: str) -> list[Any]:
    """Items of a sequence in an answer, which some archives put in an array; none if it cannot be read."""
    try:
        answer = response.json()
        parts = answer if isinstance(answer, list) else [answer]
        return [item for part in parts for item in part.get(tag, {}).get("Value", [])]
    except (ValueError, AttributeError, TypeError):
        return []


def _reason(failed: list[Any]) -> int | None:
    """FailureReason of the first failed instance, if there is one; 0 would be none."""
    try:
        return int(failed[0]["00081197"]["Value"][0]) or None
    except (ValueError, LookupError, TypeError):
        return None


def _json(response: httpx.Response) -> list[dict[str, Any]]:
    try:
        body = response.json()
    except ValueError as error:
        raise TryAgain("pacs_no_json") from error
    if not isinstance(body, list):
        raise TryAgain("pacs_no_list")
    return body


def _found(row: dict[str, Any]) -> Found | None:
    """None if the row has not all the UIDs that QIDO-RS demands, or what stands there is none."""
    uids = [_value(row, tag) or "" for tag in ("00080016", "0020000D", "0020000E", "00080018")]
    return Found(*uids) if all(map(is_uid, uids)) else None


def _is_asked_for(row: dict[str, Any], modality: str, since: str) -> bool:
    """Whether a row is what was asked for, as far as it says so: a PACS leaves out conditions that it does not know."""
    of, day = _value(row, "00080060"), _value(row, "00080020")
    return (of is None or fnmatchcase(of.upper(), modality)) and (day is None or not day.isdigit() or day >= since)


def _value(row: dict[str, Any], tag: str) -> str | None:
    try:
        return str(row[tag]["Value"][0]).strip()
    except (LookupError, TypeError):
        return None


def _only_part(response: httpx.Response) -> bytes:
    """The body of the one part of a multipart answer; some archives answer without multipart."""
    kind, _, parameters = response.headers.get("content-type", "").partition(";")
    if kind.strip().lower() != "multipart/related":
        return response.content
    for parameter in parameters.split(";"):
        name, _, value = parameter.strip().partition("=")
        if name.lower() == "boundary":
            start = response.content.find(b"\r\n\r\n")
            end = response.content.rfind(b"\r\n--" + value.strip('"').encode())
            if 0 <= start < end:
                return response.content[start + 4 : end]
    raise TryAgain("pacs_no_multipart")
