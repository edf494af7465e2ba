from collections.abc import Iterator

from dermoscopy import errors
from dermoscopy.errors import ImageError


def _all(kind: type[ImageError]) -> Iterator[type[ImageError]]:
    for below in kind.__subclasses__():
        yield below
        yield from _all(below)


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [kind.code for kind in _all(ImageError)]
    assert len(codes) == len(set(codes)) == 11
    assert ImageError.code not in codes


def test_the_tree_in_the_module_lists_every_error() -> None:
    assert errors.__doc__ is not None
    for kind in _all(ImageError):
        assert f"  x {kind.__name__} " in errors.__doc__


def test_message_is_the_text_of_the_exception() -> None:
    error = errors.CorruptImage("The file is damaged.")
    assert (error.message, str(error), error.code) == ("The file is damaged.", "The file is damaged.", "corrupt_image")
