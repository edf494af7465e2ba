from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import anyio
import pytest
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartParser
from streamlit import config

from ui.uploads import keep_in_memory

MOST = "server.maxUploadSize"
HEAD = b'--x\r\nContent-Disposition: form-data; name="file"; filename="lesion.jpg"\r\n\r\n'
PIECE = b"a picture" * 100_000


@pytest.fixture
def before() -> Iterator[None]:
    """What it changes is of the whole process; a test's has not the configuration that lies beside the page."""
    kept, most = MultiPartParser.spool_max_size, config.get_option(MOST)
    config.set_option(MOST, 20)
    yield
    config.set_option(MOST, most)
    MultiPartParser.spool_max_size = kept


async def _on_disks(pieces: int) -> int:
    """How many files without a name are open while a form with one file comes in."""
    found = 0

    async def stream() -> AsyncGenerator[bytes, None]:
        nonlocal found
        yield HEAD
        for _ in range(pieces):
            yield PIECE
        found = sum(" (deleted)" in str(one.readlink()) for one in Path("/proc/self/fd").iterdir() if one.is_symlink())
        yield b"\r\n--x--\r\n"

    form = await MultiPartParser(Headers({"Content-Type": "multipart/form-data; boundary=x"}), stream()).parse()
    await form.close()
    return found


@pytest.mark.usefixtures("before")
def test_no_part_of_a_picture_is_put_on_a_disk_while_it_comes_in() -> None:
    pieces = 20 * 1024 * 1024 // len(PIECE)
    usual = anyio.run(_on_disks, 1)
    assert anyio.run(_on_disks, pieces) > usual, "Starlette no longer does it by itself"
    keep_in_memory()
    assert anyio.run(_on_disks, pieces) == usual
