"""The client that waits for each answer."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Event
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


class Client:
    """Asks a service; safe to use from several threads."""

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        timeout: float = 60.0,
        patience: Patience | None = None,
        use_proxy: bool = True,
    ) -> None:
        """Opens no connection yet.

        Args:
            url: Of the service, such as http://127.0.0.1:8000.
            key: The API key or access token, where the service asks for one.
            timeout: Seconds that one attempt may take to connect, to send or to be answered; a batch has 660 for its
                answer at least.
            patience: How often what may succeed later is tried again.
            use_proxy: Whether to ask by the proxy that HTTP_PROXY or HTTPS_PROXY names; this machine is asked directly
                in any case. SSL_CERT_FILE and SSL_CERT_DIR count either way.
        """
        self._http = httpx.Client(
            base_url=address_of(url),
            headers=headers_of(key),
            timeout=timeout,
            trust_env=use_proxy,
            verify=httpx.create_ssl_context(),
            mounts=NO_PROXY_FOR,
        )
        self._patience = patience or Patience()
        self._closed = Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes what is open; whoever waits in another thread to ask again gets the error that there was."""
        self._closed.set()
        self._http.close()

    def classify(self, image: Source, **options: Unpack[ClassifyOptions]) -> ClassifyAnswer:
        """Whether a lesion looks benign or malignant.

        Raises:
            Problem: The service said no, or went on saying so.
            NotReachable, UnexpectedAnswer: No melanoserve answered.
            OSError: The file cannot be read.
            TypeError: It is no image, but the name of one, say.
        """
        return self._ask(calls.classify(image, options))

    def grade(self, image: Source, **options: Unpack[GradeOptions]) -> GradeAnswer:
        """Which stage grade a lesion resembles; raises what `classify` raises."""
        return self._ask(calls.grade(image, options))

    def classify_fhir(self, image: Source, **options: Unpack[ClassifyOptions]) -> Bundle:
        """What `classify` answers, as a FHIR R4 Bundle; `client.fhir` links and stores it."""
        return self._ask(calls.classify_fhir(image, options))

    def grade_fhir(self, image: Source, **options: Unpack[GradeOptions]) -> Bundle:
        """What `grade` answers, as a FHIR R4 Bundle."""
        return self._ask(calls.grade_fhir(image, options))

    def classify_dicom(self, image: Source, **options: Unpack[ClassifyOptions]) -> bytes:
        """What `classify` answers, as a DICOM structured report: a file for the study of a DICOM image."""
        return self._ask(calls.classify_dicom(image, options))

    def grade_dicom(self, image: Source, **options: Unpack[GradeOptions]) -> bytes:
        """What `grade` answers, as a DICOM structured report."""
        return self._ask(calls.grade_dicom(image, options))

    def classify_objects(self, image: Source, **options: Unpack[ClassifyOptions]) -> DicomObjects:
        """What `classify` answers as DICOM files: the report and, with explain=True, the heatmap over the picture."""
        return self._ask(calls.classify_objects(image, options))

    def grade_objects(self, image: Source, **options: Unpack[GradeOptions]) -> DicomObjects:
        """What `grade` answers as DICOM files."""
        return self._ask(calls.grade_objects(image, options))

    def classify_batch(
        self, images: Iterable[Source], **options: Unpack[ClassifyOptions]
    ) -> list[ClassifyAnswer | Problem]:
        """For each of several images, in one request, its answer or its problem.

        Raises what `classify` raises, and ValueError without an image.
        """
        return self._ask(calls.classify_batch(images, options))

    def grade_batch(self, images: Iterable[Source], **options: Unpack[GradeOptions]) -> list[GradeAnswer | Problem]:
        """For each of several images, in one request, its answer or its problem.

        Raises what `classify` raises, and ValueError without an image.
        """
        return self._ask(calls.grade_batch(images, options))

    def models(self) -> list[ModelAnswer]:
        """Every model of the service with its labels and versions."""
        return self._ask(calls.models())

    def model(self, name: str) -> ModelAnswer:
        """One model."""
        return self._ask(calls.model(name))

    def version(self, name: str, number: int) -> VersionAnswer:
        """One version with its manifest."""
        return self._ask(calls.version(name, number))

    def file(self, name: str, number: int, path: str) -> bytes:
        """A file of a version, without its network, which the service does not hand out.

        Args:
            name: The model.
            number: Of the version.
            path: As the manifest's `files` name it: model_card.md, LICENSE, or something in report/.
        """
        return self._ask(calls.file(name, number, path))

    def move_label(self, name: str, label: str, version: int, *, share: float | None = None) -> Label:
        """Moves a label; takes a key with the scope admin.

        Args:
            name: The model.
            label: The label, such as stable.
            version: Where it is to point.
            share: For canary: of the requests that name neither version nor label, how many it answers, 0 to 1.
        """
        return self._ask(calls.move_label(name, label, version, share))

    def ready(self) -> bool:
        """Whether the service is ready; raises what `classify` raises if it is not."""
        return self._ask(calls.ready())

    def _ask(self, call: Call[Result]) -> Result:
        attempt = 1
        while True:
            try:
                try:
                    timeout = at_least(call.seconds, self._http.timeout)
                    response = self._http.request(call.method, call.path, timeout=timeout, **call.options)
                except httpx.RequestError as error:
                    raise failed(error, self._http.base_url) from error
                return call.result(response)
            except MelanoserveError as error:
                wait = self._patience.wait(error, attempt)
                if wait is None or self._closed.wait(wait):
                    raise
            attempt += 1
