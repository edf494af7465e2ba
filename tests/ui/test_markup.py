from ui import markup


def test_nothing_in_a_text_becomes_markup() -> None:
    assert markup.plain("![x](http://far.example) <b> $a_b$") == r"\!\[x\]\(http\://far.example\) \<b\> \$a\_b\$"
    for html in (
        markup.table([{"Image": "<img src=x>", "b": '"'}], "<caption>"),
        markup.shares({"<img src=x>": 0.5}, "<caption>"),
        markup.facts({"<img src=x>": "<img src=x>"}),
    ):
        assert "<img" not in html
        assert "&lt;img src=x&gt;" in html


def test_a_table_leaves_out_what_is_empty_everywhere() -> None:
    html = markup.table([{"A": "1", "B": "", "C": ""}, {"A": "2", "B": "", "C": "3"}], "numbers")
    assert '<th scope="col">A</th><th scope="col">C</th>' in html
    assert '<tr><th scope="row">1</th><td></td></tr>' in html
    assert "<caption>numbers</caption>" in html


def test_a_bar_is_as_long_as_its_share() -> None:
    html = markup.shares({"Melanoma": 0.3588}, "classes")
    assert 'style="width:35.9%"' in html
    assert "35.9 %" in html


def test_a_figure_is_never_rounded_to_a_certainty() -> None:
    html = markup.shares({"Benign": 0.9996, "Melanoma": 0.0004}, "classes")
    assert '<td class="figure">more than 99.9 %</td>' in html
    assert '<td class="figure">less than 0.1 %</td>' in html
