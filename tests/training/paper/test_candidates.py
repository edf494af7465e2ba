from training.paper.bases import BASES
from training.paper.candidates import candidates
from training.paper.network import side_of
from training.paper.recipe import PaperRecipe


def test_every_model_of_the_paper_and_the_later_ones_are_there() -> None:
    rows = {row.name: row for row in candidates(frozenset(BASES))}
    assert set(rows) == {
        "mobilenet-frozen", "vgg16-frozen", "inceptionv3-frozen", "resnet50v2-frozen", "cnn-frozen",
        "vgg16-mobilenet-frozen", "vgg16-mobilenet-inceptionv3-frozen", "mobilenetv2-frozen", "mobilenetv3small-frozen",
        "efficientnetb0-frozen", "mobilenet-scratch", "texture-knn", "mobilenet-svm", "mobilenet-fine-tuned",
    }  # fmt: skip


def test_what_has_no_weights_starts_from_random_ones_and_ensembles_join_what_learned_alone() -> None:
    rows = candidates(frozenset({"mobilenet", "mobilenetv2"}))
    kinds = {row.name: row.kind for row in rows}
    assert kinds["mobilenet-frozen"] == kinds["mobilenetv2-frozen"] == "frozen"
    assert kinds["vgg16-scratch"] == kinds["cnn-scratch"] == kinds["mobilenet-scratch"] == "scratch"
    ensemble = next(row for row in rows if row.name == "vgg16-mobilenet-inceptionv3-joined")
    assert ensemble.kind == "joined"
    assert {(member.name, member.kind) for member in ensemble.members} == {
        (f"{base}-scratch", "scratch") for base in ("vgg16", "mobilenet", "inceptionv3")
    }
    assert [row.kind for row in rows] == sorted(
        (row.kind for row in rows), key=["knn", "svm", "frozen", "scratch", "joined", "fine-tuned"].index
    )


def test_what_learns_on_larger_pictures_has_a_mobilenet_of_that_size_beside_it() -> None:
    recipe = PaperRecipe()
    rows = {row.name: row for row in candidates(frozenset({"mobilenet"}))}
    beside = rows["mobilenet-scratch-beside"]
    assert side_of(beside, recipe) == side_of(rows["inceptionv3-scratch"], recipe) == 96
    assert [side_of(member, recipe) for member in beside.members] == [96]
    assert side_of(rows["mobilenet-scratch"], recipe) == side_of(rows["vgg16-scratch"], recipe) == 64


def test_without_any_weights_mobilenet_is_there_once() -> None:
    names = [row.name for row in candidates(frozenset())]
    assert names.count("mobilenet-scratch") == 1
    assert "mobilenet-fine-tuned" not in names
