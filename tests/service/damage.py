"""Ways in which a version can be damaged after it was published."""

import hashlib
import json
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


def crash_what_loads_it(version: Path, number: int | None = None) -> None:
    """A function of the graph that calls itself, which OpenVINO follows until the stack is full; all hashes are right.

    Args:
        version: Its folder.
        number: Which version it is from now on, if that is to change.
    """
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel  # noqa: PLC0415 - takes long to import

    graph = version / "saved_model.pb"
    model = SavedModel.FromString(graph.read_bytes())
    for function in model.meta_graphs[0].graph_def.library.function:
        for node in function.node_def:
            if node.op.endswith("PartitionedCall"):
                node.attr["f"].func.name = function.signature.name
    data = model.SerializeToString()
    graph.write_bytes(data)
    manifest = json.loads((version / "manifest.json").read_bytes())
    manifest["files"]["saved_model.pb"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    manifest["version"] = number or manifest["version"]
    (version / "manifest.json").write_text(json.dumps(manifest), "utf-8")


def copy_slowly(version: Path, to: Path, between: Callable[[], object]) -> None:
    """File by file, the manifest last, as some programs do.

    Args:
        version: What is copied.
        to: Where it comes to lie.
        between: What happens when all but the manifest is there.
    """
    for file in sorted(version.rglob("*"), key=lambda path: (path.name == "manifest.json", path)):
        if file.is_file():
            target = to / file.relative_to(version)
            target.parent.mkdir(parents=True, exist_ok=True)
            if file.name == "manifest.json":
                between()
            shutil.copyfile(file, target)


DAMAGE: dict[str, tuple[Callable[[Path], None], str]] = {
    "flipped byte": (flip_a_byte, "was changed"),
    "no manifest": (lose_the_manifest, "no manifest.json"),
    "no variables": (lose_the_variables, "variables.* is missing"),
    "no graph": (lose_the_graph, "saved_model.pb is missing"),
    "extra file": (add_a_file, "extra.bin is not listed"),
}
"""Name -> what it does, and a pattern of the reason that is given."""
