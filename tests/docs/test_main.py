import json
from pathlib import Path

import pytest

from tests.docs import __main__ as rewriting
from tests.docs.blocks import Block, blocks
from tests.running_service import ROOT


@pytest.mark.parametrize("document", ["README.md", "docs/getting-started.md"])
def test_the_documents_show_json_as_it_would_be_written(document: str) -> None:
    for block in blocks(document):
        if block.language == "json":
            assert block.text == rewriting.pretty(json.loads(block.text)) + "\n", block


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(rewriting, "ROOT", tmp_path)
    return tmp_path


def test_an_answer_that_changed_is_written_and_one_that_did_not_is_left(folder: Path) -> None:
    (folder / "a.md").write_text('```json\n{\n  "x": 0.5\n}\n```\n')
    block = Block("a.md", 1, "sh", "", '{\n  "x": 0.5\n}\n')
    assert not rewriting._write(block, '{"x":0.51}')
    assert '"x": 0.5\n' in (folder / "a.md").read_text()
    assert not rewriting._write(block, '{"x":0.7}')
    assert '"x": 0.7\n' in (folder / "a.md").read_text()


def test_what_has_an_ellipsis_is_left_to_a_person(folder: Path) -> None:
    assert rewriting._write(Block("a.md", 1, "sh", "", "version 2 ...\n"), "version 3 now") != []


def test_the_figures_become_those_of_the_stable_versions(folder: Path) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    (folder / "README.md").write_text(readme.replace("`classifier/2:", "`classifier/1:").replace("0.853 (", "0.1 ("))
    assert not rewriting._write_figures()
    assert (folder / "README.md").read_text("utf-8") == readme
