import pytest

from tests.docs.outputs import check


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ('{"request_id": "a", "x": [0.5, {"y": 1}]}', '{"request_id": "b", "x": [0.51, {"y": 1}]}'),
        ('{"caveat": "benign (0.865): so"}', '{"caveat": "benign (0.866): so"}'),
        ("malignant  0.370", "malignant 0.371\n"),
        ("a\n...\nb", "a\nb\n"),
        ("a\n...\nb", "a\nx\ny\nb\n"),
        ("a\n...", "a"),
        ("at 127.0.0.1: 0.370", "at 127.0.0.1: 0.371"),
        ("key msk_... made\nready", "key msk_12_34 made\nready\n"),
    ],
)
def test_the_same(shown: str, printed: str) -> None:
    check(shown, printed)


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ('{"x": 1}', '{"x": 1, "y": 2}'),
        ('{"x": [0.5]}', '{"x": [0.6]}'),
        ('{"x": [1, 2]}', '{"x": [1]}'),
        ('{"x": "benign"}', '{"x": "malignant"}'),
        ('{"x": "AUC 0.81"}', '{"x": "AUC 0.82"}'),
        ('{"caveat": "benign (0.865): so"}', '{"caveat": "benign (0.965): so"}'),
        ('{"caveat": "benign (0.865): so"}', '{"caveat": null}'),
        ("malignant 0.370", "malignant 0.470"),
        ("malignant 0.370", "benign 0.370"),
        ("a...c", "a b"),
        ("a\n...\nb", "a\nb c\n"),
        ("version 2.", "version 3."),
    ],
)
def test_not_the_same(shown: str, printed: str) -> None:
    with pytest.raises(AssertionError):
        check(shown, printed)
