from benchmarks.answers import without_id


def test_only_the_id_may_differ() -> None:
    one, other = b'{"request_id":"a1","probability":0.25}', b'{"request_id":"b2","probability":0.25}'
    assert without_id(one) == without_id(other)
    assert without_id(one) != without_id(other.replace(b"0.25", b"0.26"))


def test_a_problem_is_written_with_spaces() -> None:
    assert without_id(b'{"code": "x", "request_id": "a1"}') == without_id(b'{"code": "x", "request_id": "b2"}')


def test_a_body_without_an_id_stays() -> None:
    assert without_id(b"{}") == b"{}"
