"""The bytes of images out of a request: counted while they come in, in memory only."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request

from dermoscopy.errors import TooManyBytes
from service.media_types import FORM, check_content_encoding, check_declared, essence, not_a_form
from service.multipart import OVERHEAD, FormFile, FormFiles, Upload
from service.problems import BodyTooLarge, BodyTooSlow, IncompleteBody
from service.settings import Settings

MOST_SMALL = 10_000


def announced_bytes(headers: Headers, max_bytes: int) -> int:
    """How many bytes a request's body will have, or may have where its headers do not say."""
    announced = int(headers.get("content-length", max_bytes))
    return min(announced, max_bytes + OVERHEAD)


async def read_small(request: Request, seconds: float) -> bytes:
    """Reads a body that is not an image.

    Args:
        request: Its body must not have been read.
        seconds: In how many it must arrive.

    Raises:
        BodyTooLarge: More than `MOST_SMALL`.
        IncompleteBody: The client left.
        BodyTooSlow: It did not arrive in time.
    """
    body = bytearray()
    async with _in_time(seconds):
        await _pour(request, body.extend, MOST_SMALL, BodyTooLarge(f"The body is larger than {MOST_SMALL} bytes."))
    return bytes(body)


async def read_image(request: Request, max_bytes: int, seconds: float) -> bytes:
    """Reads the one image of a request, from a form's field `file` or from a raw body.

    Args:
        request: Its body must not have been read.
        max_bytes: Most bytes of the image.
        seconds: In how many the whole body must arrive.

    Raises:
        UnsupportedMediaType: The declared type, or the encoding, is not one that is read.
        MalformedBody: The form is malformed, or the client left.
        UnexpectedField: The form does not hold exactly one file.
        TooManyBytes: More than `max_bytes`; raised before the rest of the body is read.
        BodyTooSlow: It did not arrive in time.
    """
    check_content_encoding(request.headers.get("content-encoding", ""))
    content_type = request.headers.get("content-type", "")
    async with _in_time(seconds):
        return await _read(request, content_type, max_bytes)


async def read_batch(request: Request, settings: Settings) -> list[Upload]:
    """Reads the images of a batch, from a form's fields `files`.

    Args:
        request: Its body must not have been read.
        settings: Their limits.

    Returns:
        Each file, or why it is not read, in the order of the form.

    Raises:
        UnsupportedMediaType: The body is no form, or encoded.
        MalformedBody: The form is malformed, or the client left.
        UnexpectedField: The form has other fields, no file, or too many.
        BodyTooLarge: All together have too many bytes; raised before the rest of the body is read.
        BodyTooSlow: It did not arrive in time.
    """
    check_content_encoding(request.headers.get("content-encoding", ""))
    content_type = request.headers.get("content-type", "")
    if essence(content_type) != FORM:
        raise not_a_form()
    most = settings.max_batch_bytes
    form = FormFiles(content_type, settings.max_bytes, settings.max_batch_files)
    too_large = BodyTooLarge(f"The images together are larger than {most} bytes.")

    def write(chunk: bytes) -> None:
        form.write(chunk)
        if form.received > most:
            raise too_large

    async with _in_time(settings.receive_seconds):
        await _pour(request, write, most + OVERHEAD * settings.max_batch_files, too_large)
        return form.end()


@asynccontextmanager
async def _in_time(seconds: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise BodyTooSlow(f"The body did not arrive within {seconds:g} seconds.") from None


async def _read(request: Request, content_type: str, max_bytes: int) -> bytes:
    if essence(content_type) == FORM:
        form = FormFile(content_type, max_bytes)
        await _pour(request, form.write, max_bytes + OVERHEAD, _too_large(max_bytes))
        return form.finish()
    check_declared(content_type)
    raw = bytearray()
    await _pour(request, raw.extend, max_bytes, _too_large(max_bytes))
    return bytes(raw)


def _too_large(max_bytes: int) -> TooManyBytes:
    return TooManyBytes(f"The image is larger than {max_bytes} bytes.")


async def _pour(request: Request, sink: Callable[[bytes], None], most: int, too_large: Exception) -> None:
    if int(request.headers.get("content-length", "0")) > most:
        raise too_large
    received = 0
    try:
        async for chunk in request.stream():
            received += len(chunk)
            if received > most:
                raise too_large
            sink(chunk)
    except ClientDisconnect:
        raise IncompleteBody("The connection ended before the body did.") from None
    request.state.body_read = True
