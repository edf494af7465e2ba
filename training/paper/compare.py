"""`python -m training compare`: every candidate trained, exported, measured; what is done already is not done again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from training.paper.bases import BASES, weights_of
from training.paper.candidates import Candidate, candidates
from training.paper.data import malignant, paper_data
from training.paper.experiment import Experiment
from training.paper.fit import history, learned_and_watched, train
from training.paper.grading import grade_on
from training.paper.hybrids import TextureNeighbours, with_svm
from training.paper.measure import measure, megabytes, milliseconds
from training.paper.network import Exported, ExportedNetwork, build, side_of
from training.paper.recipe import PaperRecipe
from training.paper.report import write_report
from training.paper.result import Result, choose, load_result
from training.paper.stopwatch import Stopwatch
from training.runs import alone_in, remember
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
        OtherRun: The folder was begun with another recipe, other weights, or images that were others, had other labels
            or showed something else; or another process works in it.
        ValueError: The paper's data is not there.
    """
    experiment = Experiment(table, paper_data(table), recipe, weights, folder)
    chosen = chosen_candidates(weights, only)
    roles = experiment.data.split(len(table.images))
    # By what the folders say, as everything here.
    dataset = roles.contents(replace(table, labels=[image.label for image in table.images]))
    with alone_in(folder):
        described = {**recipe.describe(), "weights": weights}
        remember(folder, recipe=described, split={"digest": roles.digest(table)}, dataset=dataset)
        results = [_result(experiment, candidate) for candidate in chosen]
        winner = choose(results)
        base = next((candidate for candidate in chosen if winner and candidate.name == winner.name), None)
        graded = None if base is None else grade_on(experiment, base)
        return write_report(results, table, experiment.data, folder, graded)


def chosen_candidates(weights: str, only: Sequence[str]) -> list[Candidate]:
    """All candidates, or those that are named and, before them, the bases that they join."""
    there = candidates(frozenset(base for base in BASES if weights_of(base, weights) is not None))
    names = [candidate.name for candidate in there]
    for name in only:
        if name not in names:
            raise UnknownCandidate(f"there is no candidate {name!r}; there are {', '.join(names)}")
    needed = {member.name for row in there if row.name in only and row.kind == "joined" for member in row.members}
    return [candidate for candidate in there if not only or candidate.name in {*only, *needed}]


def _result(experiment: Experiment, candidate: Candidate) -> Result:
    """Of a row that is done, as it is kept."""
    place = experiment.place(candidate)
    result = load_result(place)
    if result is None:
        result = _make(experiment, candidate)
        result.save(place)
    return result


def _make(experiment: Experiment, candidate: Candidate) -> Result:
    folder = experiment.place(candidate)
    watch = Stopwatch(folder / "seconds")
    exported = _learn(experiment, candidate, watch)
    processor_minutes = watch.seconds / 60
    exported.save(folder / MODEL)
    figures, probability = measure(folder / MODEL, experiment.table, experiment.data, candidate.title)
    return Result(
        name=candidate.name,
        title=candidate.title,
        kind=candidate.kind,
        side=side_of(candidate, experiment.recipe),
        processor_minutes=round(processor_minutes, 2),
        megabytes=megabytes(folder / MODEL),
        milliseconds=milliseconds(folder / MODEL),
        figures=figures,
        probability=[round(value, 6) for value in probability.tolist()],
        history=history(folder),
    )


def _learn(experiment: Experiment, candidate: Candidate, watch: Stopwatch) -> Exported:
    table, data = experiment.table, experiment.data
    answers = malignant(table, data.training)
    if candidate.kind == "knn":
        return TextureNeighbours(table.pixels[data.training], answers)
    if candidate.kind == "svm":
        network = build(candidate, experiment.recipe, experiment.weights)
        learned, watched = learned_and_watched(experiment, candidate)
        return with_svm(network, learned[0], answers, watched, malignant(table, data.validation))
    return ExportedNetwork(train(experiment, candidate, watch))
