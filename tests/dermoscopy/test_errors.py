from dermoscopy import errors
from dermoscopy.errors import ImageError


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [kind.code for kind in ImageError.__subclasses__()]
    assert len(codes) == len(set(codes)) == 7
    assert ImageError.code not in codes


def test_the_tree_in_the_module_lists_every_error() -> None:
    assert errors.__doc__ is not None
    for kind in ImageError.__subclasses__():
        assert f"  x {kind.__name__} " in errors.__doc__


def test_message_is_the_text_of_the_exception() -> None:
    error = errors.CorruptImage("The file is damaged.")
    assert (error.message, str(error), error.code) == ("The file is damaged.", "The file is damaged.", "corrupt_image")
