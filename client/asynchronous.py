"""The same client to await."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Self, TypeVar, Unpack

import httpx

from client import calls
from client.answers import ClassifyAnswer, GradeAnswer, Label, ModelAnswer
from client.calls import Call, ClassifyOptions, GradeOptions, Source
from client.connection import NO_PROXY_FOR, address_of, at_least, failed, headers_of
from client.dicom import DicomObjects
from client.errors import MelanoserveError, Problem
from client.fhir import Bundle
from client.manifest import VersionAnswer
from client.retrying import Patience

Result = TypeVar("Result")


class AsyncClient:
    """Asks a service; see `Client`, whose methods these are."""

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        timeout: float = 60.0,
        patience: Patience | None = None,
        use_proxy: bool = True,
    ) -> None:
        """Opens no connection yet; the arguments are those of `Client`."""
        self._http = httpx.AsyncClient(
            base_url=address_of(url),
            headers=headers_of(key),
            timeout=timeout,
            trust_env=use_proxy,
            verify=httpx.create_ssl_context(),
            mounts=NO_PROXY_FOR,
        )
        self._patience = patience or Patience()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes what is open."""
        await self._http.aclose()

    async def classify(self, image: Source, **options: Unpack[ClassifyOptions]) -> ClassifyAnswer:
        """Whether a lesion looks benign or malignant; raises what `Client.classify` raises."""
        return await self._ask(calls.classify(image, options))

    async def grade(self, image: Source, **options: Unpack[GradeOptions]) -> GradeAnswer:
        """Which stage grade a lesion resembles."""
        return await self._ask(calls.grade(image, options))

    async def classify_fhir(self, image: Source, **options: Unpack[ClassifyOptions]) -> Bundle:
        """What `classify` answers, as a FHIR R4 Bundle; `client.fhir` links and stores it."""
        return await self._ask(calls.classify_fhir(image, options))

    async def grade_fhir(self, image: Source, **options: Unpack[GradeOptions]) -> Bundle:
        """What `grade` answers, as a FHIR R4 Bundle."""
        return await self._ask(calls.grade_fhir(image, options))

    async def classify_dicom(self, image: Source, **options: Unpack[ClassifyOptions]) -> bytes:
        """What `classify` answers, as a DICOM structured report; see `Client.classify_dicom`."""
        return await self._ask(calls.classify_dicom(image, options))

    async def grade_dicom(self, image: Source, **options: Unpack[GradeOptions]) -> bytes:
        """What `grade` answers, as a DICOM structured report."""
        return await self._ask(calls.grade_dicom(image, options))

    async def classify_objects(self, image: Source, **options: Unpack[ClassifyOptions]) -> DicomObjects:
        """What `classify` answers as DICOM files; see `Client.classify_objects`."""
        return await self._ask(calls.classify_objects(image, options))

    async def grade_objects(self, image: Source, **options: Unpack[GradeOptions]) -> DicomObjects:
        """What `grade` answers as DICOM files."""
        return await self._ask(calls.grade_objects(image, options))

    async def classify_batch(
        self, images: Iterable[Source], **options: Unpack[ClassifyOptions]
    ) -> list[ClassifyAnswer | Problem]:
        """For each of several images, in one request, its answer or its problem."""
        return await self._ask(calls.classify_batch(images, options))

    async def grade_batch(
        self, images: Iterable[Source], **options: Unpack[GradeOptions]
    ) -> list[GradeAnswer | Problem]:
        """For each of several images, in one request, its answer or its problem."""
        return await self._ask(calls.grade_batch(images, options))

    async def models(self) -> list[ModelAnswer]:
        """Every model of the service with its labels and versions."""
        return await self._ask(calls.models())

    async def model(self, name: str) -> ModelAnswer:
        """One model."""
        return await self._ask(calls.model(name))

    async def version(self, name: str, number: int) -> VersionAnswer:
        """One version with its manifest."""
        return await self._ask(calls.version(name, number))

    async def file(self, name: str, number: int, path: str) -> bytes:
        """A file of a version; see `Client.file`."""
        return await self._ask(calls.file(name, number, path))

    async def move_label(self, name: str, label: str, version: int, *, share: float | None = None) -> Label:
        """Moves a label; see `Client.move_label`."""
        return await self._ask(calls.move_label(name, label, version, share))

    async def ready(self) -> bool:
        """Whether the service is ready."""
        return await self._ask(calls.ready())

    async def _ask(self, call: Call[Result]) -> Result:
        attempt = 1
        while True:
            try:
                try:
                    timeout = at_least(call.seconds, self._http.timeout)
                    response = await self._http.request(call.method, call.path, timeout=timeout, **call.options)
                except httpx.RequestError as error:
                    raise failed(error, self._http.base_url) from error
                return call.result(response)
            except MelanoserveError as error:
                wait = self._patience.wait(error, attempt)
                if wait is None:
                    raise
            attempt += 1
            await asyncio.sleep(wait)
