from model_store.report import Row, listing, table
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
