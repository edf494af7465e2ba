import pytest

from model_store import errors

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.StoreError)]


def test_every_refusal_has_a_code_of_its_own() -> None:
    codes = [kind.code for kind in KINDS]
    assert len(set(codes)) == len(codes) == 12


@pytest.mark.parametrize("kind", KINDS)
def test_every_refusal_is_in_the_tree_at_the_top(kind: type[errors.StoreError]) -> None:
    assert kind.__name__ in (errors.__doc__ or "")


def test_a_refused_version_says_why() -> None:
    assert errors.RefusedVersion("Because.").reason == errors.RefusedVersion("Because.").message == "Because."
    assert isinstance(errors.UnvalidatedPrecision("Because."), errors.RefusedVersion)
