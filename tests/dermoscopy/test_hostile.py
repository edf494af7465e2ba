import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dermoscopy.decode import decode, inspect
from dermoscopy.errors import ImageError
from dermoscopy.prepare import prepare
from tests.dermoscopy.files import chunk, insert_segment, valid_files
from tests.hostile import HostileInput, hostile_inputs

_INPUTS = list(hostile_inputs())

# Decodes every file once and prints by how many bytes the peak of resident memory rose; the first, valid file of each
# format pays for what the libraries allocate once.
_MEASURE = """
import json, resource, sys
from pathlib import Path
from dermoscopy.decode import decode
from dermoscopy.errors import ImageError
from dermoscopy.prepare import prepare
folder = Path(sys.argv[1])
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
for file in sorted(folder.glob("valid-*")):
    prepare(file.read_bytes())
before = peak()
accepted = []
for file in sorted(folder.glob("hostile-*")):
    try:
        decode(file.read_bytes())
        accepted.append(file.name)
    except ImageError:
        pass
print(json.dumps({"grown": peak() - before, "accepted": accepted}))
"""


def test_there_are_enough_of_them_and_each_has_its_name() -> None:
    assert len(_INPUTS) >= 200
    assert len({each.name for each in _INPUTS}) == len(_INPUTS)
    assert max(len(each.data) for each in _INPUTS) < 300_000


@pytest.mark.parametrize("hostile", _INPUTS, ids=lambda each: each.name)
def test_each_is_refused_with_a_typed_error(hostile: HostileInput) -> None:
    with pytest.raises(ImageError) as refused:
        decode(hostile.data)
    assert refused.value.code != ImageError.code
    # A sentence of ours: plain text, and no exception of a library behind it that a log might print with its data.
    assert refused.value.message.isascii()
    assert refused.value.message.endswith(".")
    assert refused.value.__cause__ is None
    with pytest.raises(type(refused.value)):
        prepare(hostile.data)


def _passes_inspection(hostile: HostileInput) -> bool:
    try:
        inspect(hostile.data)
    except ImageError:
        return False
    return True


def test_only_damage_within_the_coded_pixels_reaches_pillow() -> None:
    passed = {each.name for each in _INPUTS if _passes_inspection(each)}
    in_the_pixels = "|".join(
        ["closed", "than-its-data", "no-quantization", "profile-of", "transparent", "filter", "garbage", "too-short"]
        + ["deflate-cut", "header-only"]
    )
    assert {name for name in passed if not re.search(in_the_pixels, name)} == set()
    assert len(passed) < 40


def test_memory_stays_flat(tmp_path: Path) -> None:
    for name, (data, _) in valid_files().items():
        (tmp_path / f"valid-{name}").write_bytes(data)
    for number, each in enumerate(_INPUTS):
        (tmp_path / f"hostile-{number:03}").write_bytes(each.data)
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, str(tmp_path)], capture_output=True, check=True, text=True, timeout=600
    )
    found = json.loads(done.stdout)
    assert found["accepted"] == []
    assert found["grown"] < 24_000_000


def test_messages_hold_nothing_of_the_file() -> None:
    secret = b"Jane Doe 1970-01-01"
    jpeg = insert_segment(valid_files()["jpeg"][0], 0xFE, secret)
    png = valid_files()["png"][0]
    png = png[:33] + chunk(b"tEXt", b"Patient\0" + secret) + png[33:]
    for data in (jpeg[:-400], jpeg[:200], png[:-30], png[:60], secret):
        with pytest.raises(ImageError) as refused:
            decode(data)
        assert "Jane" not in repr(refused.value) + repr(refused.value.__cause__)
