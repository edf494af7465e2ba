from dataclasses import replace

from model_store.manifest import Measured
from model_store.report import Row, listing, page, table
from model_store.store import Store


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert table(["A", "LONG"], [["wide", "b"], ["c", ""]]) == "A     LONG\nwide  b\nc"


def test_a_refused_version_shows_its_reason(pristine: Store) -> None:
    version = pristine.open("classifier", 1)
    rows = [Row("classifier", 1, ["canary", "stable"], version, None), Row("classifier", 2, [], None, "No manifest.")]
    _, available, refused = listing(rows).splitlines()
    assert "canary, stable  available" in available
    assert refused.split() == ["classifier", "2", "-", "refused", "-", "No", "manifest."]
    assert rows[1].as_json()["reason"] == "No manifest."


def test_beside_what_a_threshold_finds_of_every_malignancy_stands_what_it_finds_of_melanomas(pristine: Store) -> None:
    """Operating points are named after the latter, which is lower."""
    version = pristine.open("classifier", 1)
    painted = version.manifest.evaluations["painted"]
    figure = Measured(value=0.7, low=0.6, high=0.8)
    metrics = painted.metrics | {"melanoma_sensitivity@sensitive": figure}
    evaluations = {"painted": painted.model_copy(update={"metrics": metrics})}
    manifest = version.manifest.model_copy(update={"evaluations": evaluations})
    lines = page(replace(version, manifest=manifest), []).splitlines()
    (known,) = [line for line in lines if line.startswith("  sensitive (default)")]
    (unknown,) = [line for line in lines if line.startswith("  specific ")]
    assert known.index("0.900 (0.800 to 0.950)") < known.index("0.700 (0.600 to 0.800)")
    assert "0.900 (0.800 to 0.950)  -  " in unknown
