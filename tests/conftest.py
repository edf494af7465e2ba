"""Which tests go to the same process, where there are several (`make test` has two: pytest-xdist).

Those of a file share what its fixtures built; those of the training share a training, but for the paper's comparison,
which needs little of it.
"""

from pathlib import Path

import pytest

TRAINING = Path(__file__).parent / "training"
PAPER = TRAINING / "paper"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts every test into a group; `--dist loadgroup` gives a group to one process, and reads it after this."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(str(_group(item))))
    # First what takes longest, or one process would wait for it in the end.
    items.sort(key=lambda item: _group(item) != TRAINING)


def _group(item: pytest.Item) -> Path:
    """The nearest of the folders, else the file."""
    return next((folder for folder in item.path.parents if folder in (PAPER, TRAINING)), item.path)
