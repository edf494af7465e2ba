"""`python -m training compare`: every candidate trained, exported, measured; what is done already is not done again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from training.paper.bases import BASES, weights_of
from training.paper.candidates import Candidate, candidates
from training.paper.data import PaperData, malignant, paper_data
from training.paper.fit import features, history, remember, train
from training.paper.hybrids import TextureNeighbours, with_svm
from training.paper.measure import measure, megabytes, milliseconds
from training.paper.network import Exported, ExportedNetwork, build, side_of
from training.paper.recipe import PaperRecipe
from training.paper.report import write_report
from training.paper.result import KeptFigures, Result, load_result
from training.table import Table

MODEL = "model"


class UnknownCandidate(Exception):
    """There is none of that name; the message lists them."""


def compare(table: Table, folder: Path, weights: str, recipe: PaperRecipe, only: Sequence[str] = ()) -> str:
    """Runs the comparison and writes its report.

    Args:
        table: The images.
        folder: Where everything is kept; given again, it goes on there.
        weights: A folder of ImageNet weights, or "imagenet" for Keras's own (internet access).
        recipe: How the networks learn.
        only: Names of candidates; all of them if empty.

    Returns:
        The text of the report.

    Raises:
        UnknownCandidate: `only` names one that there is not.
        ValueError: The paper's data is not there, or the folder was begun with another recipe.
    """
    data = paper_data(table)
    chosen = chosen_candidates(weights, only)
    described = {"recipe": recipe.describe(), "images": [len(data.training), len(data.validation), len(data.test)]}
    results = []
    for candidate in chosen:
        place = folder / candidate.name
        if not remember(place, described):
            raise ValueError(f"{place} was begun with another recipe or other images; name another folder with --run")
        result = load_result(place)
        if result is None:
            result = _make(candidate, recipe, weights, table, data, place)
            result.save(place)
        results.append(result)
    return write_report(results, table, data, folder)


def chosen_candidates(weights: str, only: Sequence[str]) -> list[Candidate]:
    """All candidates, or those that are named."""
    there = candidates(frozenset(base for base in BASES if weights_of(base, weights) is not None))
    names = [candidate.name for candidate in there]
    for name in only:
        if name not in names:
            raise UnknownCandidate(f"there is no candidate {name!r}; there are {', '.join(names)}")
    return [candidate for candidate in there if not only or candidate.name in only]


def _make(  # noqa: PLR0913, PLR0917
    candidate: Candidate, recipe: PaperRecipe, weights: str, table: Table, data: PaperData, folder: Path
) -> Result:
    begun = time.monotonic()
    exported = _learn(candidate, recipe, weights, table, data, folder)
    minutes = (time.monotonic() - begun) / 60
    exported.save(folder / MODEL)
    found, probability = measure(folder / MODEL, table, data, candidate.title)
    return Result(
        name=candidate.name,
        title=candidate.title,
        kind=candidate.kind,
        side=side_of(candidate, recipe),
        minutes=round(minutes, 2),
        megabytes=megabytes(folder / MODEL),
        milliseconds=milliseconds(folder / MODEL),
        figures={name: KeptFigures.of(figures) for name, figures in found.items()},
        probability=[round(value, 6) for value in probability.tolist()],
        history=history(folder),
    )


def _learn(  # noqa: PLR0913, PLR0917
    candidate: Candidate, recipe: PaperRecipe, weights: str, table: Table, data: PaperData, folder: Path
) -> Exported:
    answers = malignant(table, data.training)
    if candidate.kind == "knn":
        return TextureNeighbours(table.pixels[data.training], answers)
    if candidate.kind == "svm":
        network = build(candidate, recipe, weights)
        learned = features(candidate, network, table, data.training, 0)[0]
        watched = features(candidate, network, table, data.validation, 0)[0]
        return with_svm(network, learned, answers, watched, malignant(table, data.validation))
    return ExportedNetwork(train(candidate, recipe, weights, table, data, folder))
