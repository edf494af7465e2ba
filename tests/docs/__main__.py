"""`python -m tests.docs`: writes into the documents what comes out now, and into README the figures of `stable`."""

import json
import re
import sys
import tempfile
from pathlib import Path

from model_store.labels import Labels
from model_store.store import Store
from tests.docs.blocks import Block
from tests.docs.following import SPOKEN, alone, followed
from tests.docs.outputs import check
from tests.docs.reader import reading
from tests.running_service import ROOT

STORE = ROOT / "model_store" / "models"
ROW = re.compile(r"^(\| .+? \| `)(\w+)/\d+(:\S+)` \| `(\S+)` \| [\d.]+ \([\d.]+ to [\d.]+\) \|$", re.MULTILINE)


def main() -> int:
    """Returns 1 if something is left to be written by hand."""
    left = _write_figures()
    with tempfile.TemporaryDirectory() as folder, reading(Path(folder)) as shared:
        for document in SPOKEN:
            if alone(document):
                with tempfile.TemporaryDirectory() as own, reading(Path(own)) as reader:
                    found = list(followed(document, reader))
            else:
                found = list(followed(document, shared))
            left += [one for block, printed in found for one in _write(block, printed)]
    print("\n".join(left), file=sys.stderr)
    return 1 if left else 0


def pretty(value: object, indent: int = 0) -> str:
    """JSON as the documents show it: fractions to four places, and on one line what fits there."""
    if isinstance(value, float):
        return json.dumps(round(value, 4))
    if not isinstance(value, (dict, list)) or not value:
        return json.dumps(value, ensure_ascii=False)
    items = list(value.items()) if isinstance(value, dict) else [(None, one) for one in value]
    start, end = "{}" if isinstance(value, dict) else "[]"
    if len(items) > 1 and not any(isinstance(one, (dict, list)) for _, one in items):
        pad = " " if start == "{" else ""
        line = start + pad + ", ".join(_member(name, one, 0) for name, one in items) + pad + end
        if indent and indent + len(line) < 100:
            return line
    inner = " " * (indent + 2)
    lines = ",\n".join(inner + _member(name, one, indent + 2) for name, one in items)
    return f"{start}\n{lines}\n{' ' * indent}{end}"


def _member(name: str | None, value: object, indent: int) -> str:
    return pretty(value, indent) if name is None else f"{json.dumps(name)}: {pretty(value, indent)}"


def _write(block: Block, printed: str) -> list[str]:
    shown = block.output or ""
    try:
        check(shown, printed)
    except AssertionError:
        if not shown.startswith(("{", "[")):
            return [f"{block} shows\n{shown}but now it is\n{printed}"]
        path = ROOT / block.document
        path.write_text(path.read_text("utf-8").replace(shown, pretty(json.loads(printed)) + "\n"), "utf-8")
        print(f"{block}: written")
    return []


def _write_figures() -> list[str]:
    store, left = Store(STORE), []

    def row(match: re.Match[str]) -> str:
        start, name, evaluation, metric = match.groups()
        stable = Labels(store, STORE).resolve(name, "stable")
        try:
            found = stable.manifest.evaluations[evaluation[1:]].metrics[metric]
        except KeyError:
            left.append(f"README.md: {name}/{stable.version} has no figure {evaluation[1:]} {metric}")
            return match[0]
        value, low, high = (round(one, 3) for one in (found.value, found.low, found.high))
        return f"{start}{name}/{stable.version}{evaluation}` | `{metric}` | {value} ({low} to {high}) |"

    path = ROOT / "README.md"
    path.write_text(ROW.sub(row, path.read_text("utf-8")), "utf-8")
    return left


if __name__ == "__main__":
    sys.exit(main())
