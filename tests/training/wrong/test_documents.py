import numpy as np

from dermoscopy.render import render_lesion
from training.wrong.documents import pages, screens


def test_a_screenshot_shows_the_picture_that_it_is_given() -> None:
    red = np.zeros((224, 224, 3), np.uint8)
    red[..., 0] = 255
    shown = screens(np.random.default_rng(4), red)
    part = (shown == (255, 0, 0)).all(axis=2).mean()
    assert 0.03 < part < 0.3  # a fifth to a half of each side


def test_a_page_is_bright_with_dark_letters() -> None:
    page = pages(np.random.default_rng(1))
    assert np.median(page) > 150
    assert np.percentile(page, 2) < np.median(page) - 40
    assert page.mean() > render_lesion(1).mean()
