from pathlib import Path

from PIL import Image

from benchmarks import plots
from benchmarks.comparison import BARE, CLIENTS, MANY, OURS, Comparison, Measured
from benchmarks.images import USUAL
from benchmarks.samples import Samples


def _drawn(path: Path) -> None:
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert min(image.size) > 300
        assert len(image.convert("RGB").getcolors(1 << 20) or []) > 10


def test_the_comparison_is_drawn(tmp_path: Path) -> None:
    measured = [Measured(number, BARE, USUAL, 0, 200.0 + number, 1, 1) for number in range(3)]
    for name in (OURS, "one"):
        measured += [Measured(n, name, USUAL, count, 100.0 + n, 1, 1) for n in range(3) for count in CLIENTS]
    titles = {BARE: "bare", OURS: "ours", "one": "One", "two": "Two"}
    plots.compare(Comparison(titles, measured, [], {"two": "not here"}, {}), tmp_path / "a" / "compare.png")
    _drawn(tmp_path / "a" / "compare.png")
    assert MANY in CLIENTS


def test_overload_is_drawn(tmp_path: Path) -> None:
    load, probes = Samples(), Samples()
    for number in range(50):
        load.add(due=number, sent=number, done=number + 1, status=200 if number % 2 else 503)
        probes.add(due=number, sent=number, done=number + 0.01, status=200)
    plots.overload(load, probes, tmp_path / "overload.png")
    _drawn(tmp_path / "overload.png")


def test_swaps_are_drawn(tmp_path: Path) -> None:
    plots.swaps([0.1, 0.2, 0.1], [100.0, 101.0, 100.0, 102.0], tmp_path / "swaps.png")
    _drawn(tmp_path / "swaps.png")


def test_stops_are_drawn(tmp_path: Path) -> None:
    plots.stops([3.1, 3.2], [120, 130], tmp_path / "stops.png")
    _drawn(tmp_path / "stops.png")


def test_mixed_requests_are_drawn(tmp_path: Path) -> None:
    plots.mixed({"image": [0.1, 0.2, 0.3], "truncated": [0.01]}, tmp_path / "mixed.png")
    _drawn(tmp_path / "mixed.png")


def test_the_soak_is_drawn(tmp_path: Path) -> None:
    columns = {"minute": [1.0, 2.0], "p50": [10.0, 11.0], "p99": [20.0, 22.0], "memory_mb": [100.0, 101.0]}
    plots.soak(columns, tmp_path / "soak.png")
    _drawn(tmp_path / "soak.png")


def test_the_cost_of_a_heatmap_is_drawn(tmp_path: Path) -> None:
    plots.explain({"without": [0.1, 0.2, 0.3], "with": [0.2, 0.3]}, tmp_path / "explain.png")
    _drawn(tmp_path / "explain.png")


def test_the_audit_trails_are_drawn(tmp_path: Path) -> None:
    plots.audit({"none": [60.0, 61.0], "SQLite": [59.0, 60.0], "PostgreSQL": [58.0, 60.0]}, tmp_path / "audit.png")
    _drawn(tmp_path / "audit.png")


def test_the_command_line_is_drawn(tmp_path: Path) -> None:
    plots.command_line({"bare": [60.0, 61.0], "ours": [50.0, 52.0]}, tmp_path / "command-line.png")
    _drawn(tmp_path / "command-line.png")
