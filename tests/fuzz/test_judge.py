import pytest

from tests.dermoscopy.files import valid_files
from tests.fuzz.judge import ACCEPTED, Verdict, decoder, judge

PREPARE = decoder("dermoscopy.prepare:prepare")


def test_a_sound_file_is_accepted() -> None:
    for data, _ in valid_files().values():
        assert judge(data, PREPARE) == Verdict(ACCEPTED, decoded=True)


def test_a_refusal_counts_as_decoded_only_if_the_structure_was_right() -> None:
    jpeg = valid_files()["jpeg"][0]
    cut = jpeg[: len(jpeg) * 2 // 3] + b"\xff\xd9"
    assert judge(cut, PREPARE) == Verdict("corrupt_image", decoded=True)
    assert judge(jpeg[:60], PREPARE) == Verdict("corrupt_image", decoded=False)
    assert judge(b"text", PREPARE) == Verdict("unsupported_image_type", decoded=False)


@pytest.mark.parametrize(
    ("name", "outcome", "words"),
    [
        ("raising", "exception", "palette index"),
        ("warning", "exception", "decompression bomb"),
        ("untyped", "refusal", "without a class"),
        ("chained", "refusal", "exception of a library"),
        ("misshapen", "result", "uint8[224, 224]"),
        ("beyond_limits", "result", "limits"),
        ("unwritten", "unsteady", "another picture"),
    ],
)
def test_what_a_decoder_must_not_do_is_a_finding(name: str, outcome: str, words: str) -> None:
    verdict = judge(valid_files()["png"][0], decoder(f"tests.fuzz.faulty:{name}"))
    assert verdict.outcome == outcome
    assert words in str(verdict.finding)


def test_another_answer_the_second_time_is_a_finding() -> None:
    data = valid_files()["png"][0]
    files = [data, data[:100]]
    verdict = judge(data, lambda _: PREPARE(files.pop(0)))
    assert verdict.outcome == "unsteady"
    assert "CorruptImage" in str(verdict.finding)
