"""A comparison in small: the painted data, and what a real one would leave of it."""

from pathlib import Path

import pytest

from tests.training.built import Data
from training.paper.data import PaperData, paper_data
from training.paper.recipe import PaperRecipe


@pytest.fixture(scope="session")
def paper(data: Data) -> PaperData:
    return paper_data(data.table)


@pytest.fixture(scope="session")
def quick() -> PaperRecipe:
    """Few pixels, few epochs, small batches: 36 images are not much."""
    return PaperRecipe(side=64, batch=4, epochs=3, views=1, scratch_side=32, scratch_epochs=2)


@pytest.fixture(scope="session")
def weights_folder(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights for MobileNet alone, as ../shared/weights would have them."""
    folder = tmp_path_factory.mktemp("weights_folder")
    (folder / "mobilenet_v1_1.0_224.weights.h5").symlink_to(weights)
    return folder
