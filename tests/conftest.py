"""Which tests go to the same process, where there are several (`make test` has two: pytest-xdist).

Those of a file share what its fixtures built; those of the training share a training.
"""

from pathlib import Path

import pytest

TRAINING = Path(__file__).parent / "training"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts every test into a group; `--dist loadgroup` gives a group to one process, and reads it after this."""
    for item in items:
        group = TRAINING if TRAINING in item.path.parents else item.path
        item.add_marker(pytest.mark.xdist_group(str(group)))
