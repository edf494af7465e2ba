from tests.fuzz.judge import Verdict
from tests.fuzz.report import Tally


def test_the_table_counts_outcomes_and_how_many_got_to_the_pixels() -> None:
    tally = Tally()
    for verdict in (
        Verdict("accepted", decoded=True),
        Verdict("corrupt_image", decoded=True),
        Verdict("corrupt_image", decoded=False),
        Verdict("too_many_pixels", decoded=False),
    ):
        tally.add("png", verdict)
    tally.add("bmp", Verdict("crash", decoded=True, finding="SIGSEGV"))
    assert tally.cases == 5
    assert tally.rows["png"].share == 0.5
    head, png, bmp = (line.split("  ") for line in tally.table().splitlines())
    columns = [cell.strip() for cell in head if cell]
    assert columns == ["format", "cases", "to the pixels", "accepted", "corrupt_image", "crash", "too_many_pixels"]
    assert [cell.strip() for cell in png if cell] == ["png", "4", "50%", "1", "2", "0", "1"]
    assert [cell.strip() for cell in bmp if cell] == ["bmp", "1", "100%", "0", "0", "1", "0"]


def test_a_format_without_cases_has_no_share() -> None:
    assert Tally().table().split()[0] == "format"
    assert Tally().cases == 0
