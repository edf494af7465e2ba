"""JSON whose objects have each member once."""

import json


def check_members(data: bytes) -> None:
    """Looks for members that an object has twice: pydantic takes the last, and what the first said would be lost.

    Args:
        data: JSON that was read already.

    Raises:
        ValueError: There is one; the message names it.
    """
    json.loads(data, object_pairs_hook=_each_once)


def _each_once(pairs: list[tuple[str, object]]) -> None:
    seen = set[str]()
    for name, _ in pairs:
        if name in seen:
            raise ValueError(f"{name} is there twice")
        seen.add(name)
