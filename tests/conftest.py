"""Which tests go to the same process, where there are several (`make test` has two: pytest-xdist).

Those of a file share what its fixtures built; those of the training share a training, but for the paper's comparison,
which needs little of it; those of the page share a service and a page. (pytest-xdist's own `loadgroup` does nothing
under pytest 9.2: its issue 1386.)
"""

from pathlib import PurePosixPath

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

TRAINING = PurePosixPath("tests/training")
PAPER = TRAINING / "paper"
PAGE = PurePosixPath("tests/ui")


class ByFolder(LoadScopeScheduling):  # type: ignore[misc]  # pytest-xdist has no types
    """Gives a group of tests to one process, the groups in the order of the tests."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return str(_group(nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFolder:
    """Asked by pytest-xdist."""
    return ByFolder(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts first what takes longest, or one process would wait for it in the end."""
    first = (TRAINING, PAPER)
    items.sort(key=lambda item: first.index(group) if (group := _group(item.nodeid)) in first else len(first))


def _group(nodeid: str) -> PurePosixPath:
    """The nearest of the folders, else the file."""
    file = PurePosixPath(nodeid.partition("::")[0])
    return next((folder for folder in file.parents if folder in (PAPER, TRAINING, PAGE)), file)
