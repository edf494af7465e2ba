from pathlib import Path

from tests.fuzz.cases import Case, build
from tests.fuzz.child import Bounds, Chunk
from tests.fuzz.runner import Finding, Runner

QUICK = Bounds(processor_seconds=1, wall_seconds=2.0, growth=5_000_000, settled_after=20)


def run(decode: str, *chunks: Chunk) -> Runner:
    runner = Runner(f"tests.fuzz.faulty:{decode}", QUICK, workers=1)
    runner.run(chunks)
    return runner


def test_a_process_that_dies_is_a_finding_and_the_next_one_goes_on() -> None:
    first = {form: next(n for n in range(99) if build(Case(form, n))[:2] == magic) for form, magic in _MAGICS.items()}
    runner = run("fatal", *(Chunk(form, number, 1) for form, number in first.items()), Chunk("bmp", 0, 5))
    kinds = {finding.case.format: (finding.kind, finding.detail) for finding in runner.findings}
    assert {form: kind for form, (kind, _) in kinds.items()} == {"jpeg": "crash", "png": "hang", "tiff": "hang"}
    assert "SIGSEGV" in kinds["jpeg"][1]
    assert "faulty.py" in kinds["jpeg"][1]
    assert "used up its processor time" in kinds["png"][1]
    assert "no processor time" in kinds["tiff"][1]
    assert runner.tally.rows["bmp"].cases == 5


_MAGICS = {"jpeg": b"\xff\xd8", "png": b"\x89P", "tiff": b"II"}


def test_too_much_memory_is_a_finding() -> None:
    runner = run("greedy", Chunk("bmp", 0, 2))
    assert [finding.kind for finding in runner.findings] == ["memory", "memory"]
    assert runner.tally.rows["bmp"].outcomes["memory"] == 2


def test_memory_that_is_kept_is_a_finding() -> None:
    runner = run("keeping", *(Chunk("webp", 10 * number, 10) for number in range(12)))
    assert "growth" in {finding.kind for finding in runner.findings}
    assert runner.growth > QUICK.growth
    assert runner.tally.cases == 120


def test_findings_are_told_and_kept(tmp_path: Path) -> None:
    told: list[Finding] = []
    runner = Runner("tests.fuzz.faulty:raising", QUICK, workers=1, report=told.append)
    runner.run([Chunk("webp", 3, 1)])
    assert told == runner.findings
    file = told[0].save(tmp_path / "new")
    assert file.read_bytes() == build(Case("webp", 3))
    assert file.name == "webp-3-exception.webp"
    text = file.with_suffix(".txt").read_text("utf-8")
    assert text.startswith("webp:3\nexception\n")
    assert "palette index" in text
