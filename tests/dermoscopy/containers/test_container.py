import pytest

from dermoscopy.containers.container import Container


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_last_four_orientations_swap_the_sides(orientation: int) -> None:
    container = Container("PNG", "image/png", 30, 20, b"", orientation)
    assert container.upright_size == ((20, 30) if orientation >= 5 else (30, 20))
