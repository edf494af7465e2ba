import pytest

from training.accelerator.recipe import Recipe


def test_consistency_comes_along_a_line_after_a_share_of_the_epochs() -> None:
    recipe = Recipe(epochs=5, alone=0.4, consistency=60.0)
    assert [recipe.consistency_in(epoch) for epoch in range(5)] == pytest.approx([0, 0, 20, 40, 60])
    assert Recipe(epochs=3, alone=1.0).consistency_in(2) == 0


def test_what_decides_a_teacher_is_not_how_the_taught_learns() -> None:
    recipe = Recipe(teacher_epochs=8, teachers=1)
    assert (
        Recipe(epochs=40, distillation=0.1, teacher_epochs=8, teachers=3).describe_teacher()
        == recipe.describe_teacher()
    )
    assert Recipe(teacher_epochs=9, teachers=1).describe_teacher() != recipe.describe_teacher()
    assert Recipe(teacher_learning_rate=1e-3).describe_teacher()["teacher_learning_rate"] == 1e-3


def test_it_is_described_by_plain_values() -> None:
    described = Recipe(epochs=7).describe()
    assert Recipe(**described) == Recipe(epochs=7)
    assert all(isinstance(value, int | float) for value in described.values())
