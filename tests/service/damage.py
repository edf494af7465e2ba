"""Ways in which a version can be damaged after it was published."""

import shutil
from collections.abc import Callable
from pathlib import Path


def flip_a_byte(version: Path) -> None:
    """One bit of the weights."""
    weights = next(version.glob("variables/variables.data-*"))
    data = bytearray(weights.read_bytes())
    data[len(data) // 2] ^= 1
    weights.write_bytes(data)


def lose_the_manifest(version: Path) -> None:
    """As when the copy is not finished."""
    (version / "manifest.json").unlink()


def lose_the_variables(version: Path) -> None:
    """TensorFlow Serving would load it and then fail every request."""
    shutil.rmtree(version / "variables")


def lose_the_graph(version: Path) -> None:
    """Nothing to run."""
    (version / "saved_model.pb").unlink()


def add_a_file(version: Path) -> None:
    """Something that nobody vouches for."""
    (version / "extra.bin").write_bytes(b"x")


def change_the_manifest(version: Path) -> None:
    """A threshold of somebody's own: the label's digest no longer fits."""
    manifest = version / "manifest.json"
    manifest.write_text(manifest.read_text("utf-8").replace('"threshold": 0.3', '"threshold": 0.9'), "utf-8")


DAMAGE: dict[str, tuple[Callable[[Path], None], str]] = {
    "flipped byte": (flip_a_byte, "was changed"),
    "no manifest": (lose_the_manifest, "no manifest.json"),
    "no variables": (lose_the_variables, "variables.* is missing"),
    "no graph": (lose_the_graph, "saved_model.pb is missing"),
    "extra file": (add_a_file, "extra.bin is not listed"),
}
"""Name -> what it does, and a pattern of the reason that is given."""
