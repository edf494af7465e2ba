"""Which of several media types a client likes best (RFC 9110, 12.5.1)."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from starlette.datastructures import Headers

VARY = {"Vary": "Accept"}
"""The header of every answer that might have had another form; a cache must not give it to who asked for another."""

_MOST_RANGES, _MOST_PARAMETERS = 100, 10
"""What comes behind so many in a header is not looked at: whoever asks could fill memory and time with it, unasked."""

_WEIGHT = re.compile(r"0?\.[0-9]+|0\.?|1(\.0*)?")
"""From 0 to 1. Programs write more than RFC 9110 lets them: with four digits, or as Java does by itself, `q=.2`."""


@dataclass(frozen=True)
class MediaRange:
    """`type/subtype`, either of which may be `*` in an Accept header, with its parameters, all in lower case."""

    main: str
    sub: str
    parameters: dict[str, str]

    def specificity(self, media_type: "MediaRange") -> int | None:
        """How closely this range describes a media type, the closer the higher; None if it excludes it.

        A parameter that the media type does not have, such as a charset, describes nothing and excludes nothing.
        """
        if self.main not in ("*", media_type.main) or self.sub not in ("*", media_type.sub):
            return None
        known = self.parameters.keys() & media_type.parameters.keys()
        if any(self.parameters[name] != media_type.parameters[name] for name in known):
            return None
        return 2 * (self.main != "*") + 2 * (self.sub != "*") + len(known)


def accept_of(headers: Headers) -> str:
    """The Accept header, which may come in several lines."""
    return ",".join(headers.getlist("accept"))


def negotiate(accept: str, offered: Sequence[str]) -> int | None:
    """Which of the media types to answer with: the one with the highest weight, of several the first.

    Args:
        accept: The Accept header; empty means that everything is welcome. What is malformed in it counts as excluded.
        offered: Media types, maybe with parameters, in the order in which the service prefers them.

    Returns:
        The index of one; None if the header excludes them all.
    """
    return next(iter(ranked(accept, offered)), None)


def ranked(accept: str, offered: Sequence[str]) -> list[int]:
    """All of the media types that may be answered with, the one that `negotiate` gives first.

    Args:
        accept: As for `negotiate`.
        offered: As for `negotiate`.

    Returns:
        Their indices, by falling weight; of the same weight in the order in which the service prefers them.
    """
    if not accept.strip():
        return list(range(len(offered)))
    ranges = list(_ranges(accept))
    weights = [_weight(_media_ranges(media_type)[0], ranges) for media_type in offered]
    return sorted((index for index, weight in enumerate(weights) if weight > 0), key=lambda index: -weights[index])


def _weight(media_type: MediaRange, ranges: Sequence[tuple[MediaRange, float]]) -> float:
    """The weight that the range which describes the media type most closely gives it."""
    described = [(how, weight) for one, weight in ranges if (how := one.specificity(media_type)) is not None]
    return max(described, default=(0, 0.0))[1]


def _ranges(accept: str) -> Iterator[tuple[MediaRange, float]]:
    for one in _media_ranges(accept):
        weight = one.parameters.get("q", "1")
        yield one, float(weight) if _WEIGHT.fullmatch(weight) else 0.0


# A client sends the same header with every image, and what is offered never changes.
@lru_cache(maxsize=64)
def _media_ranges(text: str) -> tuple[MediaRange, ...]:
    return tuple(_read(text))


def _read(text: str) -> Iterator[MediaRange]:
    for item in text.lower().split(",", _MOST_RANGES)[:_MOST_RANGES]:
        essence, *pieces = (piece.strip() for piece in item.split(";", _MOST_PARAMETERS)[:_MOST_PARAMETERS])
        main, _, sub = essence.partition("/")
        named = (piece.partition("=") for piece in pieces)
        yield MediaRange(main, sub, {name.strip(): value.strip().strip('"') for name, _, value in named})
