import os
import tempfile
from contextlib import nullcontext
from pathlib import Path

from service.image_files import images_in
from tests.docker.test_compose import stranger


def test_what_cannot_be_looked_into_is_asked_about_all_the_same() -> None:
    with tempfile.TemporaryDirectory() as place:  # not pytest's own folder, which nobody else may enter
        folder = Path(place)
        folder.chmod(0o755)
        for name in ("a.png", "locked/b.png", "notes.txt", "no-suffix", "unsearchable/c.png", "unsearchable/no-suffix"):
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(b"data")
        for name, mode in (("locked", 0), ("no-suffix", 0), ("unsearchable", 0o444)):
            (folder / name).chmod(mode)
        try:
            with stranger() if os.geteuid() == 0 else nullcontext():
                found = [str(path.relative_to(folder)) for path in images_in(folder)]
        finally:
            for name in ("locked", "unsearchable"):
                (folder / name).chmod(0o755)
    assert found == ["a.png", "locked", "no-suffix", "unsearchable/c.png", "unsearchable/no-suffix"]


def test_a_pipe_is_none_whatever_its_name(tmp_path: Path) -> None:
    """Nobody may ever write to it, and whoever reads it waits."""
    (tmp_path / "a.png").write_bytes(b"data")
    os.mkfifo(tmp_path / "b.png")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere")
    assert [path.name for path in images_in(tmp_path)] == ["a.png", "gone.png"]


def test_links_count_to_folders_too_and_each_folder_once(tmp_path: Path) -> None:
    given, elsewhere = tmp_path / "given", tmp_path / "elsewhere"
    for name in ("given/own/a.png", "elsewhere/below/b.png"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(b"data")
    for name, leads_to in (
        ("0-to-own", given / "own"), ("to-elsewhere", elsewhere), ("to-below", elsewhere / "below"),
        ("c.png", given / "own/a.png"), ("own/back", given), ("unmounted", tmp_path / "nowhere"),
        ("itself", given / "itself"),
    ):  # fmt: skip
        (given / name).symlink_to(leads_to)
    found = [str(path.relative_to(given)) for path in images_in(given)]
    assert found == ["c.png", "itself", "own/a.png", "to-below/b.png", "unmounted"]
