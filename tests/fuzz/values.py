"""What a mutation puts in the place of a number, of a run of bytes, or of a part among other parts."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from random import Random
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Part = TypeVar("Part", bound="DataclassInstance")
Document = TypeVar("Document")


def number(random: Random, bits: int, near: int = 0) -> int:
    """A value for an unsigned field: at a border, near the old value, a power of two, or any.

    Args:
        random: Where the choice comes from.
        bits: Width of the field.
        near: The value that it holds.
    """
    most = (1 << bits) - 1
    choices: tuple[Callable[[], int], ...] = (
        lambda: random.choice((0, 1, 2, 3, most, most - 1, most >> 1, (most >> 1) + 1)),
        lambda: near + random.choice((-2, -1, 1, 2, 8, -8)),
        lambda: random.choice((near * 2, near // 2, near ^ 1 << random.randrange(bits))),
        lambda: (1 << random.randrange(bits)) + random.randrange(-1, 2),
        lambda: random.getrandbits(random.randint(1, bits)),
    )
    return random.choice(choices)() & most


def noise(random: Random, size: int) -> bytes:
    """Bytes of one of several kinds: any, a repeated one, few different ones."""
    kind = random.randrange(4)
    if kind == 0:
        return bytes([random.choice((0, 0xFF, 0x55, 0x80, random.randrange(256)))]) * size
    if kind == 1:
        few = random.randbytes(random.randint(2, 9))
        return (few * (size // len(few) + 1))[:size]
    return random.randbytes(size)


def mangle(random: Random, data: bytes) -> bytes:
    """Damage in one place that knows nothing of the format: a bit, a byte, a number, a slice."""
    if not data:
        return random.randbytes(random.randrange(5))
    at, size = random.randrange(len(data)), random.choice((1, 1, 2, 4, 4, 8, 64))
    end = at + size
    choices: tuple[Callable[[], bytes], ...] = (
        lambda: data[:at] + bytes([data[at] ^ 1 << random.randrange(8)]) + data[at + 1 :],
        lambda: data[:at] + random.randbytes(size) + data[end:],
        lambda: data[:at] + noise(random, size) + data[at:],
        lambda: data[:at] + data[end:],
        lambda: data[:end] + data[at:],
        lambda: data[:at] + data[random.randrange(len(data)) :][:size] + data[end:],
        lambda: data[:at] + number(random, 32).to_bytes(4, random.choice(("little", "big"))) + data[at + 4 :],
        lambda: data[:at] + number(random, 16).to_bytes(2, random.choice(("little", "big"))) + data[at + 2 :],
        lambda: data[:at],
    )
    weights = (8, 3, 2, 2, 2, 2, 2, 2, 1)
    return random.choices(choices, weights)[0]()


def rearrange(random: Random, parts: list[Part], others: Sequence[Part]) -> None:
    """Drop, repeat, swap or move a part, cut the rest off, or take parts of another file; `parts` is changed.

    Args:
        random: Where the choice comes from.
        parts: Dataclass objects.
        others: The parts of another file of the same format.
    """
    if not parts:
        return
    at, place = random.randrange(len(parts)), random.randrange(len(parts) + 1)
    match random.randrange(8):
        case 0:
            del parts[at]
        case 1:
            parts.insert(place, dataclasses.replace(parts[at]))
        case 2:
            parts[at : at + 1] = [dataclasses.replace(parts[at]) for _ in range(random.choice((2, 3, 70, 1500)))]
        case 3:
            other = random.randrange(len(parts))
            parts[at], parts[other] = parts[other], parts[at]
        case 4:
            parts.insert(place, parts.pop(at))
        case 5:
            del parts[max(at, 1) :]
        case 6 if others:
            parts.insert(place, dataclasses.replace(random.choice(others)))
        case 7 if others:
            parts[at:] = [dataclasses.replace(part) for part in others[min(at, len(others)) :]]


Mutation = Callable[[Random, Document], None]


def mutated(random: Random, document: Document, mutations: Sequence[tuple[int, Mutation[Document]]]) -> Document:
    """Apply one to four mutations, most often one, and return the document.

    Args:
        random: Where the choice comes from.
        document: Is changed.
        mutations: (weight, mutation).
    """
    weights = [weight for weight, _ in mutations]
    for _, mutation in random.choices(mutations, weights, k=random.choices((1, 2, 3, 4), (10, 5, 2, 1))[0]):
        mutation(random, document)
    return document
