from dataclasses import replace

import numpy as np
import pytest

from dermoscopy import load as module
from dermoscopy.containers.container import Container
from dermoscopy.errors import CorruptImage
from dermoscopy.load import load
from tests.dermoscopy.files import encode, picture

PNG = Container("PNG", "image/png", *picture().size, encode(picture(), "PNG"))


def test_the_pixels_are_those_of_the_stream() -> None:
    assert np.array_equal(np.asarray(load(PNG)), np.asarray(picture()))


@pytest.mark.parametrize("stream", [PNG.stream[: len(PNG.stream) // 2], b"", b"CANARY"])
def test_what_pillow_cannot_decode_is_corrupt_and_nothing_of_it_is_told(stream: bytes) -> None:
    with pytest.raises(CorruptImage) as raised:
        load(replace(PNG, stream=stream))
    assert raised.value.__cause__ is None
    assert "CANARY" not in str(raised.value)


def test_another_size_than_was_declared_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(CorruptImage, match="two different sizes"):
        load(replace(PNG, width=PNG.width + 1))


def test_a_stream_is_only_read_as_what_was_recognised() -> None:
    with pytest.raises(CorruptImage):
        load(replace(PNG, format="JPEG"))


def test_a_jpeg_keeps_as_many_pixels_as_are_enough() -> None:
    jpeg = Container("JPEG", "image/jpeg", 800, 640, encode(picture().resize((800, 640)), "JPEG"))
    assert [load(jpeg, enough).size for enough in (None, 640, 320, 100)] == [
        (800, 640), (800, 640), (400, 320), (200, 160),
    ]  # fmt: skip


@pytest.mark.parametrize("pixels", [1_000_000, 700])
def test_a_witness_that_differs_in_one_pixel_shows(pixels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BAND_PIXELS", pixels)
    changed = picture().copy()
    changed.putpixel((changed.width - 1, changed.height - 1), (1, 2, 3))
    assert load(replace(PNG, witness=PNG.stream)).size == picture().size
    with pytest.raises(CorruptImage, match="a part of the picture is missing"):
        load(replace(PNG, witness=encode(changed, "PNG")))


def test_a_decoder_that_is_done_before_the_last_bytes_was_given_too_much() -> None:
    stream = encode(picture(), "JPEG", subsampling=0)[:-2]
    needed = Container("JPEG", "image/jpeg", *picture().size, stream + bytes(16), tail=48)
    assert np.array_equal(np.asarray(load(needed)), np.asarray(load(replace(needed, tail=0))))
    more = replace(needed, stream=stream + bytes(1_000))
    assert load(replace(more, tail=0)).size == picture().size
    with pytest.raises(CorruptImage, match="more than its picture"):
        load(more)
